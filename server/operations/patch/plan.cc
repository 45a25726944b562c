#include "server/operations/patch/plan.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "common/enum_words.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

std::string Words(const PatchInput& input, const std::string& patch) {
  const auto found = input.words.find(patch);
  return found == input.words.end() ? "patch " + patch : found->second;
}

std::vector<std::string> AddReleases(engine::Plan* plan, const topology::Cluster& cluster,
                                     const PatchInput& input,
                                     const std::vector<std::string>& before) {
  if (input.patch.patch_id().empty()) return before;
  const auto& release = input.patch.release();
  std::vector<std::string> sent = before;
  for (const auto& machine : cluster.MachineIds()) {
    if (NamesOn(machine, input.instances).instances().empty()) continue;
    auto send = HostStep(machine, "release/" + ToWord(release.component()),
                         "send " + Words(input, input.patch.patch_id()), kPatchRelease, before);
    pv1::PatchReleaseParams params;
    params.set_component(ToWord(release.component()));
    params.set_patch(input.patch.patch_id());
    send.payload_json = StepJson(params);
    send.bytes_total = release.compressed_bytes();
    send.weight = TransferWeight(send.bytes_total);
    sent.push_back(send.id);
    plan->steps.push_back(std::move(send));
  }
  return sent;
}

void DescribePatch(const PatchInput& input, const Instance& instance, const pv1::TurnParams& turn,
                   engine::Step* step) {
  const std::string& to = input.patch.patch_id();
  pv1::PatchTurn params;
  *params.mutable_turn() = turn;
  params.set_from(instance.patch);
  params.set_to(to);
  params.set_from_words(Words(input, instance.patch));
  params.set_to_words(Words(input, to));
  step->payload_json = StepJson(params);
  step->title += fmt::format(": {}", params.to_words());
}

// Drops by the record, since an instance of another step or cluster may still have it.
void AddDrops(engine::Plan* plan, const topology::Cluster& cluster, const PatchInput& input,
              const std::vector<std::string>& before) {
  std::set<std::string> replaced;
  for (const auto& [component, patch] : input.old_roles) replaced.insert(patch);
  std::vector<std::string> dropped = before;
  for (const auto& machine : cluster.MachineIds()) {
    std::set<std::string> patches;
    for (const auto* instance : input.instances) {
      if (instance->machine_id == machine && !instance->patch.empty()) {
        patches.insert(instance->patch);
      }
    }
    if (patches.empty()) continue;
    replaced.insert(patches.begin(), patches.end());
    auto drop = HostStep(machine, "drop", "remove the old patch", kDropPatches, before);
    pv1::DropPatchParams params;
    params.mutable_patches()->Add(patches.begin(), patches.end());
    drop.payload_json = StepJson(params);
    drop.point_of_no_return = true;
    drop.weight = 0.2;
    dropped.push_back(drop.id);
    plan->steps.push_back(std::move(drop));
  }
  if (!replaced.empty()) AddFreePatches(plan, std::move(dropped));
}

}  // namespace

engine::Plan PlanPatch(const topology::Cluster& cluster, const PatchInput& input) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_PATCH, cluster);
  auto before = AddUnitSurveys(&plan, cluster, input.instances, {});
  before = AddReleases(&plan, cluster, input, before);
  if (!input.instances.empty()) {
    TurnOptions options;
    options.max_parallel = input.max_parallel;
    options.spares_no_majority = input.spares_no_majority;
    options.accepts_load_restart = input.accepts_load_restart;
    options.describe = [&](const Instance& instance, const pv1::TurnParams& turn,
                           engine::Step* step) { DescribePatch(input, instance, turn, step); };
    before =
        AddTurns(&plan, input.instances, kPatch,
                 input.patch.patch_id().empty() ? "revert" : "patch", std::move(before), options);
  }
  if (input.old_roles != input.new_roles) {
    auto record = ControlStep("record", "record what new instances get", kRecordRolePatches,
                              std::move(before));
    pv1::RolePatchParams params;
    params.mutable_from()->insert(input.old_roles.begin(), input.old_roles.end());
    params.mutable_to()->insert(input.new_roles.begin(), input.new_roles.end());
    record.payload_json = StepJson(params);
    before = {record.id};
    plan.steps.push_back(std::move(record));
  }
  AddDrops(&plan, cluster, input, before);
  return plan;
}

}  // namespace dmgr::operations
