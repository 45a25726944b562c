// The dm-masters themselves, asked over gRPC.
#ifndef DMGR_SERVER_MEMBERS_MASTER_MIGRATIONS_H_
#define DMGR_SERVER_MEMBERS_MASTER_MIGRATIONS_H_

#include <string>
#include <vector>

#include "server/auth/secret_box.h"
#include "server/dm/keys.h"
#include "server/dm/master_client.h"
#include "server/members/migrations.h"

namespace dmgr::members {

class MasterMigrations final : public Migrations {
 public:
  // secrets: what opens the keys of clusters with TLS; it outlives this. nullptr: there are none.
  explicit MasterMigrations(const auth::SecretBox* secrets) : secrets_(secrets) {}

  absl::StatusOr<dm::SourceAnswer> CreateSource(const Cluster& cluster, const std::string& config,
                                                const std::string& worker,
                                                const dm::Within& within) override;
  absl::Status UpdateSource(const Cluster& cluster, const std::string& config,
                            const dm::Within& within) override;
  absl::Status StopSource(const Cluster& cluster, const std::string& source,
                          const dm::Within& within) override;
  absl::StatusOr<dm::SourceAnswers> ListSources(const Cluster& cluster,
                                                const dm::Within& within) override;
  absl::Status BindSource(const Cluster& cluster, const std::string& source,
                          const std::string& worker, const dm::Within& within) override;
  absl::Status SetRelay(const Cluster& cluster, const std::string& source,
                        const std::vector<std::string>& workers, bool enabled,
                        const dm::Within& within) override;
  absl::Status PurgeRelay(const Cluster& cluster, const pb::PurgeWorkerRelayRequest& request,
                          const dm::Within& within) override;
  absl::StatusOr<std::string> GetConfig(const Cluster& cluster, pb::CfgType type,
                                        const std::string& name, const dm::Within& within) override;
  absl::StatusOr<dm::CheckResult> CheckTask(const Cluster& cluster,
                                            const pb::CheckTaskRequest& request,
                                            const dm::Within& within) override;
  absl::StatusOr<dm::StartedTask> StartTask(const Cluster& cluster,
                                            const pb::StartTaskRequest& request,
                                            const dm::Within& within) override;
  absl::StatusOr<dm::SourceAnswers> PauseTask(const Cluster& cluster, const std::string& task,
                                              const dm::Within& within) override;
  absl::StatusOr<dm::SourceAnswers> ResumeTask(const Cluster& cluster, const std::string& task,
                                               const dm::Within& within) override;
  absl::StatusOr<dm::SourceAnswers> DeleteTask(const Cluster& cluster, const std::string& task,
                                               const dm::Within& within) override;
  absl::StatusOr<pb::QueryStatusListResponse> QueryStatus(const Cluster& cluster,
                                                          const std::string& task,
                                                          const dm::Within& within) override;
  absl::StatusOr<dm::SourceAnswers> HandleError(const Cluster& cluster,
                                                const pb::HandleErrorRequest& request,
                                                const dm::Within& within) override;
  absl::StatusOr<pb::ShowDDLLocksResponse> ListLocks(const Cluster& cluster,
                                                     const std::string& task,
                                                     const dm::Within& within) override;
  absl::Status UnlockLock(const Cluster& cluster, const pb::UnlockDDLLockRequest& request,
                          const dm::Within& within) override;
  absl::StatusOr<dm::SourceAnswers> OperateSchema(const Cluster& cluster,
                                                  const pb::OperateSchemaRequest& request,
                                                  const dm::Within& within) override;
  absl::StatusOr<dm::SourceAnswers> StartValidation(const Cluster& cluster,
                                                    const pb::StartValidationRequest& request,
                                                    const dm::Within& within) override;
  absl::StatusOr<dm::SourceAnswers> StopValidation(const Cluster& cluster,
                                                   const pb::StopValidationRequest& request,
                                                   const dm::Within& within) override;
  absl::StatusOr<dm::SourceAnswers> UpdateValidation(const Cluster& cluster,
                                                     const pb::UpdateValidationRequest& request,
                                                     const dm::Within& within) override;
  absl::StatusOr<pb::GetValidationStatusResponse> GetValidationStatus(
      const Cluster& cluster, const std::string& task, const dm::Within& within) override;
  absl::StatusOr<pb::GetValidationErrorResponse> GetValidationErrors(
      const Cluster& cluster, const pb::GetValidationErrorRequest& request,
      const dm::Within& within) override;
  absl::Status OperateValidationError(const Cluster& cluster,
                                      const pb::OperateValidationErrorRequest& request,
                                      const dm::Within& within) override;
  absl::StatusOr<dm::KeysCopy> CopyKeys(const Cluster& cluster, const dm::Within& within) override;
  absl::Status PutKeysBack(const Cluster& cluster, const dm::KeysCopy& copy,
                           const dm::Within& within) override;

 private:
  dm::MasterClient ClientOf(const Cluster& cluster) const;
  dm::KeyStore KeysOf(const Cluster& cluster) const;

  const auth::SecretBox* const secrets_;
};

}  // namespace dmgr::members

#endif  // DMGR_SERVER_MEMBERS_MASTER_MIGRATIONS_H_
