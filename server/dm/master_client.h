// DM-master's gRPC: sources, tasks, shard locks, validation; what dmctl speaks. Knows no cluster
// but the addresses it is given. Every call ends at its deadline, which counts SteadyNow(), and
// within some 20 ms of `cancelled`, which may be empty, with CANCELLED.
//
// Errors. UNAVAILABLE (DM_UNAVAILABLE) tells of every address what it said; a call that changes
// something may have been done nevertheless: look. What DM refuses comes as in dm_error.h, for
// sources too: a call that failed for some of them is an error that names these. When an earlier
// master had been sent the same change and did not answer, the error's metadata has "repeated": a
// DM_..._EXISTS or _MISSING is then perhaps of the first one's doing. FAILED_PRECONDITION
// (DM_CALL_UNKNOWN): this version of DM cannot do it.
#ifndef DMGR_SERVER_DM_MASTER_CLIENT_H_
#define DMGR_SERVER_DM_MASTER_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dm/master.pb.h"
#include "server/dm/check_result.h"
#include "server/dm/client.h"
#include "server/dm/tls.h"

namespace dmgr::dm {

class Masters;

// What a call has done for one source.
struct SourceAnswer {
  std::string source;
  // Empty when it is bound to none.
  std::string worker;
  // What DM says beside, such as the structure of a table that was asked for.
  std::string message;
};
using SourceAnswers = std::vector<SourceAnswer>;

struct StartedTask {
  SourceAnswers sources;
  CheckResult check;
};

// Until when, and whether somebody still wants it.
struct Within {
  absl::Time deadline;
  Cancelled cancelled = {};
};

// Talks to the masters of one cluster. Not thread-safe: one per thread. Keeps connections open
// between calls.
class MasterClient {
 public:
  // "host:port" each; IPv6 hosts in brackets. A call goes to the known leader first (the others
  // answer 0.1 s later), then to the master that answered last, then to the rest; one that cannot
  // be reached costs its share of the time.
  explicit MasterClient(std::vector<std::string> addresses, TlsMaterial tls = {});
  ~MasterClient();
  MasterClient(MasterClient&&) noexcept;
  MasterClient& operator=(MasterClient&&) noexcept;

  // Who leads, as Client::GetMembers says. Ignored unless it is one of the addresses.
  void SetLeader(const std::string& address);

  // Sources. config is the YAML with a password. DM connects to the database first. Bound to
  // `worker` when given, else to any that is free.
  absl::StatusOr<SourceAnswer> CreateSource(const std::string& config, const std::string& worker,
                                            const Within& within);
  absl::Status UpdateSource(const std::string& config, const Within& within);
  // Ends and forgets it. DM_SOURCE_IN_USE while it has tasks.
  absl::Status StopSource(const std::string& source, const Within& within);
  absl::StatusOr<SourceAnswers> ListSources(const Within& within);
  absl::Status TransferSource(const std::string& source, const std::string& worker,
                              const Within& within);
  // workers empty: the one that it is bound to.
  absl::Status StartRelay(const std::string& source, const std::vector<std::string>& workers,
                          const Within& within);
  absl::Status StopRelay(const std::string& source, const std::vector<std::string>& workers,
                         const Within& within);
  absl::Status PurgeRelay(const pb::PurgeWorkerRelayRequest& request, const Within& within);

  // Tasks. request.task is the YAML with passwords. With many tables both take minutes.
  // A check that did not pass is a result; an error is a check that could not be made.
  absl::StatusOr<CheckResult> CheckTask(const pb::CheckTaskRequest& request, const Within& within);
  // DM_PRECHECK_FAILED when the check did not pass: ask CheckTask for the rows.
  absl::StatusOr<StartedTask> StartTask(const pb::StartTaskRequest& request, const Within& within);
  // Of all its sources when there are none in the list.
  absl::StatusOr<SourceAnswers> PauseTask(const std::string& task,
                                          const std::vector<std::string>& sources,
                                          const Within& within);
  absl::StatusOr<SourceAnswers> ResumeTask(const std::string& task,
                                           const std::vector<std::string>& sources,
                                           const Within& within);
  // What dmctl calls stop-task. Its checkpoint in the target stays.
  absl::StatusOr<SourceAnswers> DeleteTask(const std::string& task,
                                           const std::vector<std::string>& sources,
                                           const Within& within);
  // task empty: all sources with all subtasks. A source whose worker did not answer is an entry
  // with result false, no error.
  absl::StatusOr<pb::QueryStatusListResponse> QueryStatus(const std::string& task,
                                                          const std::vector<std::string>& sources,
                                                          const Within& within);
  // As DM keeps them, passwords masked. One TOML a source.
  absl::StatusOr<std::vector<std::string>> GetSubTaskConfigs(const std::string& task,
                                                             const Within& within);
  // As DM keeps it, with all defaults, passwords masked.
  absl::StatusOr<std::string> GetConfig(pb::CfgType type, const std::string& name,
                                        const Within& within);

  // Shard locks. task empty: of all.
  absl::StatusOr<pb::ShowDDLLocksResponse> ListLocks(const std::string& task,
                                                     const std::vector<std::string>& sources,
                                                     const Within& within);
  absl::Status UnlockLock(const pb::UnlockDDLLockRequest& request, const Within& within);

  // Table structures and errors: what was asked for is in each source's message.
  absl::StatusOr<SourceAnswers> OperateSchema(const pb::OperateSchemaRequest& request,
                                              const Within& within);
  absl::StatusOr<SourceAnswers> HandleError(const pb::HandleErrorRequest& request,
                                            const Within& within);

  // Validation; not in v5.4.
  absl::StatusOr<SourceAnswers> StartValidation(const pb::StartValidationRequest& request,
                                                const Within& within);
  absl::StatusOr<SourceAnswers> StopValidation(const pb::StopValidationRequest& request,
                                               const Within& within);
  absl::StatusOr<SourceAnswers> UpdateValidation(const pb::UpdateValidationRequest& request,
                                                 const Within& within);
  absl::StatusOr<pb::GetValidationStatusResponse> GetValidationStatus(
      const pb::GetValidationStatusRequest& request, const Within& within);
  absl::StatusOr<pb::GetValidationErrorResponse> GetValidationErrors(
      const pb::GetValidationErrorRequest& request, const Within& within);
  absl::Status OperateValidationError(const pb::OperateValidationErrorRequest& request,
                                      const Within& within);

 private:
  absl::StatusOr<SourceAnswers> OperateSource(const pb::OperateSourceRequest& request,
                                              const std::string& what, const Within& within);
  absl::StatusOr<SourceAnswers> OperateTask(pb::TaskOp op, const std::string& what,
                                            const std::string& task,
                                            const std::vector<std::string>& sources,
                                            const Within& within);
  absl::Status OperateRelay(pb::RelayOp op, const std::string& what, const std::string& source,
                            const std::vector<std::string>& workers, const Within& within);

  std::unique_ptr<Masters> masters_;
};

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_MASTER_CLIENT_H_
