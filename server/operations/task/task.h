// Tasks: what DM moves from the sources of a cluster to a target.
#ifndef DMGR_SERVER_OPERATIONS_TASK_TASK_H_
#define DMGR_SERVER_OPERATIONS_TASK_TASK_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/task_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"
#include "server/store/seen_clusters.h"

namespace dmgr::operations {

// Errors of all these also as of dm::MasterClient, when DM cannot be asked.
// INVALID_ARGUMENT: CONFIG_INVALID, HIDDEN_SECRET; ALREADY_EXISTS, TASK_EXISTS; NOT_FOUND:
// SOURCE_NOT_FOUND, TARGET_NOT_FOUND.
absl::StatusOr<v1::Operation> CreateTask(const Resources& resources,
                                         const v1::CreateTaskRequest& request,
                                         const Caller& caller);
// This and the next ones: NOT_FOUND, TASK_NOT_FOUND; FAILED_PRECONDITION, TASK_FOREIGN, where the
// configuration is needed. FAILED_PRECONDITION, TASK_IS_THERE, when DM has it.
absl::StatusOr<v1::Operation> StartTask(const Resources& resources,
                                        const v1::StartTaskRequest& request, const Caller& caller);
absl::StatusOr<v1::Operation> StopTask(const Resources& resources,
                                       const v1::StopTaskRequest& request, const Caller& caller);
// This and the next one also of a foreign one. FAILED_PRECONDITION, TASK_NOT_RUNNING, when DM does
// not have it.
absl::StatusOr<v1::Operation> PauseTask(const Resources& resources,
                                        const v1::PauseTaskRequest& request, const Caller& caller);
absl::StatusOr<v1::Operation> ResumeTask(const Resources& resources,
                                         const v1::ResumeTaskRequest& request,
                                         const Caller& caller);
// Also as of CreateTask. ABORTED, MIGRATION_CHANGED.
absl::StatusOr<v1::Operation> UpdateTask(const Resources& resources,
                                         const v1::UpdateTaskRequest& request,
                                         const Caller& caller);
// REVISION_NOT_FOUND; FAILED_PRECONDITION, REVISION_IN_EFFECT, unless DM has another configuration.
absl::StatusOr<v1::Operation> RollbackTask(const Resources& resources,
                                           const v1::RollbackTaskRequest& request,
                                           const Caller& caller);
absl::StatusOr<v1::Operation> DeleteTask(const Resources& resources,
                                         const v1::DeleteTaskRequest& request,
                                         const Caller& caller);

// ALREADY_EXISTS, TASK_KNOWN; NOT_FOUND, TASK_NOT_FOUND; FAILED_PRECONDITION, TASK_NOT_KEPT; errors
// of dm::KeyStore.
absl::StatusOr<v1::Operation> AdoptTask(const Resources& resources,
                                        const v1::AdoptTaskRequest& request, const Caller& caller);

// INVALID_ARGUMENT, TASK_NOT_NAMED, unless it names one or has its configuration.
absl::StatusOr<v1::CheckTaskResponse> CheckTask(const Resources& resources,
                                                const v1::CheckTaskRequest& request);

// NOT_FOUND, TASK_NOT_FOUND, when neither dmgr nor DM has it. One that dmgr has is also told of
// when DM cannot be asked.
absl::StatusOr<v1::Task> GetTask(const Resources& resources, const std::string& cluster,
                                 const std::string& task);

// This and the next one: NOT_FOUND, TASK_NOT_FOUND, also of a foreign one. Newest first.
absl::StatusOr<std::vector<v1::TaskRevision>> ListTaskRevisions(const Resources& resources,
                                                                const std::string& cluster,
                                                                const std::string& task);
// 0: the one in effect. NOT_FOUND, REVISION_NOT_FOUND.
absl::StatusOr<v1::TaskRevision> GetTaskRevision(const Resources& resources,
                                                 const v1::GetTaskRevisionRequest& request);

struct TaskPage {
  // Empty: of all that are seen.
  std::string cluster{};
  store::SeenClusters seen{};
  // Names of cluster and task, those after these.
  std::pair<std::string, std::string> after{};
  std::size_t limit = 100;
  // DM is not asked.
  bool recorded_only = false;
  // Task.config_yaml stays empty.
  bool without_config = false;
  // How long DM may take.
  absl::Duration patience = absl::Seconds(5);
};
struct TaskList {
  std::vector<v1::Task> tasks;
  // By name, and why they could not be asked.
  std::map<std::string, std::string> unreached;
};
// Asks all the clusters at once.
absl::StatusOr<TaskList> ListTasks(const Resources& resources, const TaskPage& page);

// Registers the code of their steps.
void RegisterAdoptTaskRunner(const Resources* resources, engine::Registry* registry);
void RegisterTaskRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_TASK_TASK_H_
