// Sources and tasks of a DM without processes.
#ifndef DMGR_TESTS_OPERATIONS_SCRIPTED_MIGRATIONS_H_
#define DMGR_TESTS_OPERATIONS_SCRIPTED_MIGRATIONS_H_

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "server/dm/keys.h"
#include "server/members/migrations.h"

namespace dmgr::test {

class ScriptedMembers;

// A source is bound to the dm-worker that is asked for, or to the first one that is free; a task
// that is started runs. Refuses what DM refuses, with the same reasons.
class ScriptedMigrations final : public members::Migrations {
 public:
  explicit ScriptedMigrations(ScriptedMembers* members) : members_(members) {}

  // The answer to the next change is lost, after it was made.
  void LoseNextAnswer();
  // A source of somebody else's, as dmctl makes it.
  void AddForeign(const std::string& config);
  // A statement of the source's binlog pauses the task, until DM is told what becomes of it.
  void Fail(const std::string& task, const std::string& source, std::int64_t position);
  // What it was told so: "skip s1; ".
  std::string handled() const { return handled_; }
  void AddLock(const pb::DDLLock& lock);
  // In which unit a task is, and that an error has paused it.
  void SetUnit(const std::string& task, pb::UnitType unit);
  void PauseByError(const std::string& task, const std::string& message);
  // All that there is, for comparisons.
  std::string State();

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
  struct Task {
    std::string config;
    std::vector<std::string> sources;
    pb::Stage stage = pb::STAGE_RUNNING;
    // By source: what pauses it.
    std::map<std::string, pb::ProcessError> errors{};
    // By source: whether it validates.
    std::map<std::string, bool> validators{};
    std::string structure{};
    std::string cutover{};
    pb::UnitType unit = pb::UNIT_TYPE_SYNC;
    // Why it is paused; empty: by hand.
    std::string error{};
  };

  absl::Status Answer();
  // One answer for each source of the task, with the message.
  dm::SourceAnswers AnswersOf(const Task& task, const std::string& message);
  absl::StatusOr<dm::SourceAnswers> SetValidators(const std::string& task,
                                                  const std::vector<std::string>& sources,
                                                  bool run);
  absl::StatusOr<dm::SourceAnswers> SetStage(const std::string& task, pb::Stage stage);

  ScriptedMembers* const members_;
  std::mutex mutex_;  // Guards all below.
  // By id.
  std::map<std::string, std::string> sources_;
  std::map<std::string, Task> tasks_;
  std::string handled_;
  // By id.
  std::map<std::string, pb::DDLLock> locks_;
  // Sources whose bound dm-worker keeps a relay log, and which others were told to, by name.
  std::set<std::string> relays_;
  std::map<std::string, std::string> relay_workers_;
  // First file that each relay log has left.
  std::map<std::string, std::string> purged_;
  // What was kept of a configuration, by the TOML that was handed out.
  std::map<std::string, std::string> kept_;
  bool loses_answer_ = false;
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_OPERATIONS_SCRIPTED_MIGRATIONS_H_
