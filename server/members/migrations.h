// What calls and steps ask DM for, of sources and tasks.
#ifndef DMGR_SERVER_MEMBERS_MIGRATIONS_H_
#define DMGR_SERVER_MEMBERS_MIGRATIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dm/keys.h"
#include "server/dm/master_client.h"
#include "server/topology/topology.h"

namespace dmgr::members {

// By the dm-masters of a cluster that are members. Deadlines and errors as of dm::MasterClient;
// dm-workers are named as in the record. Changes are guarded by nothing: whoever asks for one
// checks its claim right before. Thread-safe.
class Migrations {
 public:
  using Cluster = topology::Cluster;
  virtual ~Migrations() = default;

  // worker empty: DM chooses.
  virtual absl::StatusOr<dm::SourceAnswer> CreateSource(const Cluster& cluster,
                                                        const std::string& config,
                                                        const std::string& worker,
                                                        const dm::Within& within) = 0;
  virtual absl::Status UpdateSource(const Cluster& cluster, const std::string& config,
                                    const dm::Within& within) = 0;
  virtual absl::Status StopSource(const Cluster& cluster, const std::string& source,
                                  const dm::Within& within) = 0;
  virtual absl::StatusOr<dm::SourceAnswers> ListSources(const Cluster& cluster,
                                                        const dm::Within& within) = 0;
  virtual absl::Status BindSource(const Cluster& cluster, const std::string& source,
                                  const std::string& worker, const dm::Within& within) = 0;
  // workers empty: the one that it is bound to.
  virtual absl::Status SetRelay(const Cluster& cluster, const std::string& source,
                                const std::vector<std::string>& workers, bool enabled,
                                const dm::Within& within) = 0;
  virtual absl::Status PurgeRelay(const Cluster& cluster,
                                  const pb::PurgeWorkerRelayRequest& request,
                                  const dm::Within& within) = 0;
  // Passwords masked.
  virtual absl::StatusOr<std::string> GetConfig(const Cluster& cluster, pb::CfgType type,
                                                const std::string& name,
                                                const dm::Within& within) = 0;

  virtual absl::StatusOr<dm::CheckResult> CheckTask(const Cluster& cluster,
                                                    const pb::CheckTaskRequest& request,
                                                    const dm::Within& within) = 0;
  virtual absl::StatusOr<dm::StartedTask> StartTask(const Cluster& cluster,
                                                    const pb::StartTaskRequest& request,
                                                    const dm::Within& within) = 0;
  // This and the next two: of all sources of the task.
  virtual absl::StatusOr<dm::SourceAnswers> PauseTask(const Cluster& cluster,
                                                      const std::string& task,
                                                      const dm::Within& within) = 0;
  virtual absl::StatusOr<dm::SourceAnswers> ResumeTask(const Cluster& cluster,
                                                       const std::string& task,
                                                       const dm::Within& within) = 0;
  virtual absl::StatusOr<dm::SourceAnswers> DeleteTask(const Cluster& cluster,
                                                       const std::string& task,
                                                       const dm::Within& within) = 0;
  // task empty: of all.
  virtual absl::StatusOr<pb::QueryStatusListResponse> QueryStatus(const Cluster& cluster,
                                                                  const std::string& task,
                                                                  const dm::Within& within) = 0;

  // What gets a stuck task going.
  virtual absl::StatusOr<dm::SourceAnswers> HandleError(const Cluster& cluster,
                                                        const pb::HandleErrorRequest& request,
                                                        const dm::Within& within) = 0;
  // task empty: of all.
  virtual absl::StatusOr<pb::ShowDDLLocksResponse> ListLocks(const Cluster& cluster,
                                                             const std::string& task,
                                                             const dm::Within& within) = 0;
  virtual absl::Status UnlockLock(const Cluster& cluster, const pb::UnlockDDLLockRequest& request,
                                  const dm::Within& within) = 0;
  virtual absl::StatusOr<dm::SourceAnswers> OperateSchema(const Cluster& cluster,
                                                          const pb::OperateSchemaRequest& request,
                                                          const dm::Within& within) = 0;
  virtual absl::StatusOr<dm::SourceAnswers> StartValidation(
      const Cluster& cluster, const pb::StartValidationRequest& request,
      const dm::Within& within) = 0;
  virtual absl::StatusOr<dm::SourceAnswers> StopValidation(const Cluster& cluster,
                                                           const pb::StopValidationRequest& request,
                                                           const dm::Within& within) = 0;
  virtual absl::StatusOr<dm::SourceAnswers> UpdateValidation(
      const Cluster& cluster, const pb::UpdateValidationRequest& request,
      const dm::Within& within) = 0;
  virtual absl::StatusOr<pb::GetValidationStatusResponse> GetValidationStatus(
      const Cluster& cluster, const std::string& task, const dm::Within& within) = 0;
  virtual absl::StatusOr<pb::GetValidationErrorResponse> GetValidationErrors(
      const Cluster& cluster, const pb::GetValidationErrorRequest& request,
      const dm::Within& within) = 0;
  virtual absl::Status OperateValidationError(const Cluster& cluster,
                                              const pb::OperateValidationErrorRequest& request,
                                              const dm::Within& within) = 0;

  // What the dm-masters keep; errors as of dm::KeyStore.
  virtual absl::StatusOr<dm::KeysCopy> CopyKeys(const Cluster& cluster,
                                                const dm::Within& within) = 0;
  virtual absl::Status PutKeysBack(const Cluster& cluster, const dm::KeysCopy& copy,
                                   const dm::Within& within) = 0;
};

}  // namespace dmgr::members

#endif  // DMGR_SERVER_MEMBERS_MIGRATIONS_H_
