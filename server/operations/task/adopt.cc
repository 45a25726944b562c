// Tasks that others have made become dmgr's own: DM is only looked at.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "common/steady_time.h"
#include "server/dm/keys.h"
#include "server/operations/calls/adoption.h"
#include "server/operations/steps/task_marks.h"
#include "server/operations/task/plan.h"
#include "server/operations/task/runner.h"
#include "server/operations/task/seen.h"
#include "server/operations/task/task.h"

namespace dmgr::operations {
namespace {

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
  if (!toml.has_value()) return NotKept("TASK_NOT_KEPT", store::MigrationKind::kTask, task);
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
  std::optional<store::MigrationRecord> former;
  AdoptRules rules{.kind = store::MigrationKind::kTask, .name = task, .known_reason = "TASK_KNOWN"};
  rules.is_retaken = [&](const Subject& subject, const store::MigrationRecord& recorded) {
    const auto& cluster = subject.record.cluster;
    const dm::Within within{.deadline = SteadyNow() + kAdoptTime};
    const auto seen = LookAtTask(resources, cluster, task, within);
    if (!seen.ok() || !seen->has_value() || !DiffersInDm(resources, cluster, recorded, within)) {
      return false;
    }
    former = recorded;
    return true;
  };
  rules.look = [&](const Subject& subject) -> absl::StatusOr<std::string> {
    const auto& cluster = subject.record.cluster;
    ASSIGN_OR_RETURN(const auto seen,
                     LookAtTask(resources, cluster, task, {.deadline = SteadyNow() + kAdoptTime}));
    if (!seen.has_value()) return TaskNotFound(cluster.name, task);
    return ConfigInDm(resources, cluster, task);
  };
  rules.check = [](const std::string& config) { return migrations::ReadTask(config).status(); };
  rules.plan = [&](const topology::Cluster& cluster, std::int64_t revision) {
    pv1::TaskParams params;
    params.set_task_name(task);
    params.set_revision(revision);
    params.set_was_there(true);
    if (former.has_value()) AddFormer(*former, &params);
    return PlanAdoptTask(cluster, params);
  };
  return Change(resources, request, caller, RulesOfAdopt(resources, caller, rules));
}

void RegisterAdoptTaskRunner(const Resources* resources, engine::Registry* registry) {
  registry->Add(kAdoptTask, std::make_unique<AdoptTaskStep>(resources));
}

}  // namespace dmgr::operations
