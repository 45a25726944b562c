// Sources and tasks of a DM without processes.
#ifndef DMGR_TESTS_OPERATIONS_SCRIPTED_MIGRATIONS_H_
#define DMGR_TESTS_OPERATIONS_SCRIPTED_MIGRATIONS_H_

#include <map>
#include <mutex>
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
  absl::StatusOr<dm::KeysCopy> CopyKeys(const Cluster& cluster, const dm::Within& within) override;
  absl::Status PutKeysBack(const Cluster& cluster, const dm::KeysCopy& copy,
                           const dm::Within& within) override;

 private:
  struct Task {
    std::string config;
    std::vector<std::string> sources;
    pb::Stage stage = pb::STAGE_RUNNING;
    pb::UnitType unit = pb::UNIT_TYPE_SYNC;
    // Why it is paused; empty: by hand.
    std::string error{};
  };

  absl::Status Answer();
  absl::StatusOr<dm::SourceAnswers> SetStage(const std::string& task, pb::Stage stage);

  ScriptedMembers* const members_;
  std::mutex mutex_;  // Guards all below.
  // By id.
  std::map<std::string, std::string> sources_;
  std::map<std::string, Task> tasks_;
  bool loses_answer_ = false;
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_OPERATIONS_SCRIPTED_MIGRATIONS_H_
