// Tasks that others have made become dmgr's own: DM is only looked at.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "server/clusters/migration.h"
#include "server/dm/keys.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
#include "server/operations/task/plan.h"
#include "server/operations/task/runner.h"
#include "server/operations/task/seen.h"
#include "server/operations/task/task.h"

namespace dmgr::operations {
namespace {

constexpr absl::Duration kAdoptTime = absl::Seconds(60);

absl::Status AdoptRefusedOf(absl::StatusCode code, const char* reason, const std::string& task,
                            const char* why, const char* remedy) {
  // The reasons are in the call below.
  return Error(code, reason, "task {} {}", task, why).With("task", task).Remedy(remedy);
}

// What the dm-masters keep of any subtask of it, as TOML; nullopt when there is none.
absl::StatusOr<std::optional<std::string>> KeptSubtask(const Resources& resources,
                                                       const topology::Cluster& cluster,
                                                       const std::string& task,
                                                       const dm::Within& within) {
  ASSIGN_OR_RETURN(auto copy, resources.members->migrations().CopyKeys(cluster, within));
  std::optional<std::string> toml;
  for (auto& one : *copy.mutable_keys()) {
    const auto names = dm::NamesIn(one.key(), dm::keys::kSubTask);
    if (!toml.has_value() && names.has_value() && names->size() == 2 && names->back() == task) {
      toml = one.value();
    }
    Wipe(one.mutable_value());
  }
  return toml;
}

// Its configuration as DM has it, with the password of its target.
absl::StatusOr<std::string> ConfigInDm(const Resources& resources, const topology::Cluster& cluster,
                                       const std::string& task) {
  const dm::Within within{.deadline = SteadyNow() + kAdoptTime};
  ASSIGN_OR_RETURN(auto toml, KeptSubtask(resources, cluster, task, within));
  if (!toml.has_value()) {
    return AdoptRefusedOf(absl::StatusCode::kFailedPrecondition, "TASK_NOT_KEPT", task,
                          "is not among what the dm-masters keep, where its password would be",
                          "see the logs of the dm-masters, and ask again");
  }
  const WipeAtEnd wiped(&*toml);
  ASSIGN_OR_RETURN(const std::string masked, resources.members->migrations().GetConfig(
                                                 cluster, pb::CFG_TYPE_TASK, task, within));
  return migrations::TaskOfKey(masked, *toml);
}

// What is stored with the operation becomes the one in effect, once DM is seen to have it.
class AdoptTaskStep : public TaskRunner {
 public:
  using TaskRunner::TaskRunner;
  absl::StatusOr<engine::StepResult> Run(engine::StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    ASSIGN_OR_RETURN(const auto seen, See(context, input));
    if (!seen.has_value()) return NotThere(input);
    return Record(input, input.params.revision(),
                  seen->IsPausedByHand() ? store::Wanted::kPaused : store::Wanted::kRunning,
                  MarkNow(context, input));
  }
  absl::StatusOr<engine::StepResult> Undo(engine::StepContext& context) override {
    ASSIGN_OR_RETURN(const TaskInput input, Load(context));
    return RecordFormer(input);
  }
  absl::StatusOr<bool> IsDone(engine::StepContext&) override { return true; }
};

}  // namespace

absl::StatusOr<v1::Operation> AdoptTask(const Resources& resources,
                                        const v1::AdoptTaskRequest& request, const Caller& caller) {
  const std::string& task = request.task_name();
  store::MigrationKey key;
  store::MigrationRevision revision;
  std::optional<store::MigrationRecord> recorded;
  ChangeRules rules;
  rules.require = [](const Subject& subject) { return RequireUp(subject.record); };
  rules.look = [&](const Subject& subject) -> absl::Status {
    const auto& cluster = subject.record.cluster;
    key = TaskKey(cluster.uuid, task);
    std::int64_t next = 0;
    RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(recorded, store::FindMigration(tx, key));
      ASSIGN_OR_RETURN(next, store::NextRevision(tx, key));
      return absl::OkStatus();
    }));
    const dm::Within within{.deadline = SteadyNow() + kAdoptTime};
    ASSIGN_OR_RETURN(const auto seen, LookAtTask(resources, cluster, task, within));
    const bool is_ours = recorded.has_value() &&
                         !(seen.has_value() && DiffersInDm(resources, cluster, *recorded, within));
    if (is_ours) {
      return AdoptRefusedOf(absl::StatusCode::kAlreadyExists, "TASK_KNOWN", task,
                            "is managed by dmgr already", "change it as it is");
    }
    if (!seen.has_value()) return TaskNotFound(cluster.name, task);
    ASSIGN_OR_RETURN(auto config, ConfigInDm(resources, cluster, task));
    const WipeAtEnd wiped(&config);
    RETURN_IF_ERROR(migrations::ReadTask(config).status());
    revision = clusters::SealMigration(resources, key, next, config, caller.user);
    return absl::OkStatus();
  };
  rules.plan = [&](const Subject& subject) {
    pv1::TaskParams params;
    params.set_task_name(task);
    params.set_revision(revision.revision);
    params.set_was_there(true);
    if (recorded.has_value()) AddFormer(*recorded, &params);
    return PlanAdoptTask(subject.record.cluster, params);
  };
  rules.store = [&](store::Transaction& tx) { return store::InsertRevision(tx, key, revision); };
  return Change(resources, request, caller, rules);
}

void RegisterAdoptTaskRunner(const Resources* resources, engine::Registry* registry) {
  registry->Add(kAdoptTask, std::make_unique<AdoptTaskStep>(resources));
}

}  // namespace dmgr::operations
