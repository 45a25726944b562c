#include "server/operations/reload/plan.h"

#include <fmt/format.h>

#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using topology::Instance;
using Instances = std::vector<const Instance*>;

std::string ParamsJson(const pv1::InstancesParams& names, const std::string& etag) {
  pv1::ReloadParams params;
  *params.mutable_instances() = names.instances();
  params.set_etag(etag);
  return StepJson(params);
}

// One step a machine for its instances among these; returns the ids.
std::vector<std::string> AddByMachine(engine::Plan* plan, const topology::Cluster& cluster,
                                      const Instances& instances, const char* what,
                                      const std::string& title, const char* runner,
                                      const std::string& etag,
                                      const std::vector<std::string>& before) {
  std::vector<std::string> ids;
  for (const auto& machine : cluster.MachineIds()) {
    const auto names = NamesOn(machine, instances);
    if (names.instances().empty()) continue;
    auto step = HostStep(machine, what, title, runner, before);
    step.payload_json = ParamsJson(names, etag);
    step.weight = 0.3;
    ids.push_back(step.id);
    plan->steps.push_back(std::move(step));
  }
  return ids.empty() ? before : ids;
}

// The instances whose programs come with one that looks at their files.
Instances Checked(const Instances& instances) {
  Instances checked;
  for (const auto* instance : instances) {
    if (!components::TraitsOf(instance->component).checker.program.empty()) {
      checked.push_back(instance);
    }
  }
  return checked;
}

std::string RecordTitle(const Reload& reload) {
  return reload.differing.empty() ? "nothing to reload: all files are as they should be"
                                  : "record the configuration";
}

}  // namespace

engine::Plan PlanReload(const topology::Cluster& cluster, const Reload& reload) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_RELOAD, cluster);
  std::vector<std::string> before;
  if (!reload.differing.empty()) {
    before = AddByMachine(&plan, cluster, reload.differing, kFilesStep, "record the files there",
                          kSurveyFiles, reload.etag, {});
    before = AddByMachine(&plan, cluster, Checked(reload.differing), "check", "check the new files",
                          kCheckFiles, reload.etag, before);
    if (reload.running) {
      before = AddUnitSurveys(&plan, cluster, reload.differing, before);
      TurnOptions options;
      options.max_parallel = reload.max_parallel;
      options.spares_no_majority = reload.spares_no_majority;
      options.accepts_load_restart = reload.accepts_load_restart;
      options.describe = [&](const Instance&, const pv1::TurnParams& turn, engine::Step* step) {
        pv1::ReloadTurn params;
        *params.mutable_turn() = turn;
        params.set_etag(reload.etag);
        step->payload_json = StepJson(params);
      };
      before = AddTurns(&plan, reload.differing, kReload, "reload", std::move(before), options);
    } else {
      before = AddByMachine(&plan, cluster, reload.differing, "write", "write the new files",
                            kReloadStopped, reload.etag, before);
    }
  }
  pv1::InstancesParams names;
  for (const auto* instance : reload.selected) names.add_instances(instance->name);
  auto record = ControlStep("record", RecordTitle(reload), kRecordConfig, std::move(before));
  record.payload_json = ParamsJson(names, reload.etag);
  record.point_of_no_return = true;
  plan.steps.push_back(std::move(record));
  return plan;
}

}  // namespace dmgr::operations
