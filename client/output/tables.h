// Results as a table for people.
#ifndef DMGR_CLIENT_OUTPUT_TABLES_H_
#define DMGR_CLIENT_OUTPUT_TABLES_H_

#include <string>
#include <vector>

// Their headers cost a second each: only who makes or reads such a message includes them.
namespace dmgr::v1 {
class CheckClusterResponse;
class CheckMachineResponse;
class CheckSourceResponse;
class CheckTargetResponse;
class CheckTaskResponse;
class CheckTopologyResponse;
class CleanMachineResponse;
class GetClusterResponse;
class GetClusterStatusResponse;
class GetMachineResponse;
class GetOperationResponse;
class GetPackageResponse;
class GetPatchResponse;
class GetServerInfoResponse;
class GetSourceResponse;
class GetTableStructureResponse;
class GetTargetResponse;
class GetTaskResponse;
class GetUserResponse;
class GetValidationResponse;
class ListAuditRecordsResponse;
class ListClustersResponse;
class ListMachinesResponse;
class ListOperationEventsResponse;
class ListOperationsResponse;
class ListPackagesResponse;
class ListPatchesResponse;
class ListShardLocksResponse;
class ListSourceRevisionsResponse;
class ListSourcesResponse;
class ListTargetRevisionsResponse;
class ListTargetsResponse;
class ListTaskErrorsResponse;
class ListTaskTablesResponse;
class ListTaskRevisionsResponse;
class ListTasksResponse;
class ListCopiesResponse;
class ListTokensResponse;
class ListUsersResponse;
class ListValidationErrorsResponse;
class VerifyAuditLogResponse;
class VerifyClusterResponse;
class MigrationsStatus;
class Operation;
class WhoAmIResponse;
}  // namespace dmgr::v1

namespace dmgr::client {

// A line for each host that an operation leaves out; nothing when it leaves out none.
std::string SkippedText(const v1::Operation& operation);
// Parts of tasks that stood still while it ran, a line each.
std::string PausedText(const v1::Operation& operation);

// What a repair has found, a line each: beside the step that puts it right; then what none does,
// and what helps instead. Nothing when there is none.
std::string DifferencesText(const v1::Operation& operation);

// One response, as a table.
std::string ToTable(const v1::ListMachinesResponse& response);
std::string ToTable(const v1::GetMachineResponse& response);
std::string ToTable(const v1::CheckMachineResponse& response);
std::string ToTable(const v1::CleanMachineResponse& response);
std::string ToTable(const v1::ListPackagesResponse& response);
std::string ToTable(const v1::GetPackageResponse& response);
std::string ToTable(const v1::ListClustersResponse& response);
std::string ToTable(const v1::GetClusterResponse& response);
std::string ToTable(const v1::GetClusterStatusResponse& response);
std::string ToTable(const v1::VerifyClusterResponse& response);
std::string ToTable(const v1::CheckClusterResponse& response);
std::string ToTable(const v1::CheckTopologyResponse& response);
std::string ToTable(const v1::ListOperationsResponse& response);
std::string ToTable(const v1::GetOperationResponse& response);
std::string ToTable(const v1::ListOperationEventsResponse& response);
std::string ToTable(const v1::ListPatchesResponse& response);
std::string ToTable(const v1::GetPatchResponse& response);
std::string ToTable(const v1::WhoAmIResponse& response);
std::string ToTable(const v1::ListTokensResponse& response);
std::string ToTable(const v1::ListCopiesResponse& response);
std::string ToTable(const v1::ListUsersResponse& response);
std::string ToTable(const v1::GetUserResponse& response);
std::string ToTable(const v1::GetServerInfoResponse& response);
std::string ToTable(const v1::ListAuditRecordsResponse& response);
std::string ToTable(const v1::VerifyAuditLogResponse& response);
std::string ToTable(const v1::ListSourcesResponse& response);
std::string ToTable(const v1::ListTaskErrorsResponse& response);
std::string ToTable(const v1::ListShardLocksResponse& response);
std::string ToTable(const v1::GetTableStructureResponse& response);
std::string ToTable(const v1::ListTaskTablesResponse& response);
std::string ToTable(const v1::GetValidationResponse& response);
std::string ToTable(const v1::ListValidationErrorsResponse& response);
std::string ToTable(const v1::GetSourceResponse& response);
std::string ToTable(const v1::ListTargetsResponse& response);
std::string ToTable(const v1::GetTargetResponse& response);
std::string ToTable(const v1::ListTasksResponse& response);
std::string ToTable(const v1::GetTaskResponse& response);
std::string ToTable(const v1::CheckSourceResponse& response);
std::string ToTable(const v1::CheckTargetResponse& response);
std::string ToTable(const v1::CheckTaskResponse& response);
std::string ToTable(const v1::ListTaskRevisionsResponse& response);
std::string ToTable(const v1::ListSourceRevisionsResponse& response);
std::string ToTable(const v1::ListTargetRevisionsResponse& response);

// How the tasks and sources of a cluster stand, and what to do next for each that needs it.
std::string MigrationsText(const v1::MigrationsStatus& status);

// A subtask, or a task that has none, and how it stands: without what changes all the time.
struct TaskLine {
  std::string name;
  std::string what;
};
std::vector<TaskLine> TaskLines(const v1::ListTasksResponse& response);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_OUTPUT_TABLES_H_
