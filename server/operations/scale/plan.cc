#include "server/operations/scale/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using components::DmRole;
using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;
using Names = std::vector<std::string>;

Names NamesOf(const Instances& instances) {
  Names names;
  for (const auto* instance : instances) names.push_back(instance->name);
  return names;
}

Instances Among(const Instances& instances, bool (*wanted)(Component)) {
  Instances found;
  std::copy_if(instances.begin(), instances.end(), std::back_inserter(found),
               [&](const Instance* i) { return wanted(i->component); });
  return found;
}

DmRole RoleOf(Component component) { return components::TraitsOf(component).dm_role; }
bool IsMaster(Component component) { return RoleOf(component) == DmRole::kMaster; }

bool IsWorker(Component component) { return RoleOf(component) == DmRole::kWorker; }

bool IsMonitoring(Component component) { return RoleOf(component) == DmRole::kNone; }

// The components that learn of the changed ones only when they start.
Names ToRestart(const Instances& changed) {
  Names restart;
  for (const Component component : topology::kComponents) {
    const auto learns = components::TraitsOf(component).learns_at_start;
    const bool concerned = std::ranges::any_of(changed, [&](const Instance* instance) {
      return std::ranges::find(learns, instance->component) != learns.end();
    });
    if (concerned) restart.emplace_back(topology::Name(component));
  }
  return restart;
}

// What a step about these instances is told.
std::string About(const Names& instances, pv1::ScaleParams params) {
  params.mutable_instances()->Assign(instances.begin(), instances.end());
  return StepJson(params);
}

// One step a machine for its instances among these.
void AddByMachine(engine::Plan* plan, const topology::Cluster& cluster, const Instances& instances,
                  const std::string& what, const std::string& verb, const char* runner,
                  const pv1::ScaleParams& common, const Names& before, Names* ids) {
  for (const auto& machine : cluster.MachineIds()) {
    pv1::ScaleParams params = common;
    *params.mutable_instances() = NamesOn(machine, instances).instances();
    if (params.instances().empty()) continue;
    auto step =
        HostStep(machine, what, fmt::format("{} {}", verb, fmt::join(params.instances(), ", ")),
                 runner, before);
    step.payload_json = StepJson(params);
    ids->push_back(step.id);
    plan->steps.push_back(std::move(step));
  }
}

void AddRewrite(engine::Plan* plan, const topology::Cluster& cluster,
                const std::set<std::string>& skipped, const pv1::ScaleParams& params,
                const Names& before) {
  for (const auto& machine : cluster.MachineIds()) {
    if (skipped.count(machine) != 0) continue;
    auto step = HostStep(machine, "rewrite", "rewrite what the instances know of each other",
                         kRewrite, before);
    step.payload_json = StepJson(params);
    step.weight = 0.3;
    plan->steps.push_back(std::move(step));
  }
  auto cache = ControlStep("cache", "rewrite the files on the control machine", kCache, before);
  cache.payload_json = StepJson(params);
  plan->steps.push_back(std::move(cache));
}

}  // namespace

engine::Plan PlanScaleOut(const topology::Cluster& cluster, const v1::Package& package,
                          const std::set<std::string>& skipped) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_SCALE_OUT, cluster);
  Instances added;
  for (const auto& instance : cluster.instances) {
    if (instance.membership == topology::Membership::kJoining) added.push_back(&instance);
  }
  const Names names = NamesOf(added);
  const topology::Cluster fresh = topology::Only(cluster, names);
  pv1::ScaleParams params;
  params.mutable_all()->Assign(names.begin(), names.end());
  auto record = ControlStep("register", "record the instances as being added", kRegisterNew, {});
  record.payload_json = StepJson(params);
  plan.steps.push_back(record);
  Names surveys;
  AddByMachine(&plan, cluster, added, "survey", "record what is there before", kSurveyNew, params,
               {record.id}, &surveys);
  Names ready = AddInstallSteps(&plan, fresh, package, /*named=*/true, surveys);
  for (const auto* master : Among(added, IsMaster)) {
    auto join =
        HostStep(master->machine_id, "join/" + master->name, "join " + master->name, kJoin, ready);
    join.payload_json = About({master->name}, params);
    join.weight = 6;
    ready = {join.id};
    plan.steps.push_back(std::move(join));
  }
  Names started;
  AddByMachine(&plan, cluster, Among(added, IsWorker), "start/dm-worker", "start", kStartNew,
               params, ready, &started);
  AddByMachine(&plan, cluster, Among(added, IsMonitoring), "start/monitoring", "start", kStartNew,
               params, ready, &started);
  for (auto& component : ToRestart(added)) params.add_restart(std::move(component));
  AddRewrite(&plan, cluster, skipped, params, started.empty() ? ready : started);
  return plan;
}

engine::Plan PlanScaleIn(const topology::Cluster& cluster, const ScaleIn& scale) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_SCALE_IN, cluster);
  Instances here;
  Instances lost;
  for (const auto* instance : scale.leaving) {
    (scale.unreachable.count(instance->machine_id) == 0 ? here : lost).push_back(instance);
  }
  const Names names = NamesOf(scale.leaving);
  pv1::ScaleParams params;
  params.mutable_all()->Assign(names.begin(), names.end());
  params.set_force(scale.force);
  Names before;
  // One after another: two must not choose the same worker.
  for (const auto* worker : Among(scale.leaving, IsWorker)) {
    auto vacate = ControlStep("vacate/" + worker->name, "move the source of " + worker->name,
                              kVacate, before);
    vacate.payload_json = About({worker->name}, params);
    before = {vacate.id};
    plan.steps.push_back(std::move(vacate));
  }
  Names surveys;
  Names stopped = before;
  Instances idle = Among(here, IsWorker);
  for (const auto* instance : Among(here, IsMonitoring)) idle.push_back(instance);
  AddByMachine(&plan, cluster, idle, kUnitsStep, "record whether they run:", kSurveyUnits, params,
               before, &surveys);
  AddByMachine(&plan, cluster, idle, "stop", "stop", kStop, params,
               surveys.empty() ? before : surveys, &stopped);
  if (const Instances masters = Among(scale.leaving, IsMaster); !masters.empty()) {
    // The last moment at which all can be undone.
    auto ask = ControlStep("quorum", "ask whether DM survives it", kAskQuorum, stopped);
    ask.payload_json = About(NamesOf(masters), params);
    stopped = {ask.id};
    plan.steps.push_back(std::move(ask));
  }
  Names gone = stopped;
  const auto add_leave = [&](const Instance* instance, const Names& after) {
    const bool reachable = scale.unreachable.count(instance->machine_id) == 0;
    auto leave = reachable ? HostStep(instance->machine_id, "leave/" + instance->name,
                                      "take " + instance->name + " out of DM", kLeave, after)
                           : ControlStep("leave/" + instance->name,
                                         "take " + instance->name + " out of DM", kLetGo, after);
    leave.payload_json = About({instance->name}, params);
    leave.point_of_no_return = true;
    leave.weight = 2;
    gone.push_back(leave.id);
    plan.steps.push_back(std::move(leave));
  };
  for (const auto* worker : Among(scale.leaving, IsWorker)) add_leave(worker, stopped);
  for (const auto* master : Among(scale.leaving, IsMaster)) add_leave(master, Names(gone));
  Names removed;
  const std::size_t first = plan.steps.size();
  AddByMachine(&plan, cluster, here, "remove", "remove", kRemoveSome, params, gone, &removed);
  if (!lost.empty()) {
    auto forget = ControlStep("forget", fmt::format("forget {}", fmt::join(NamesOf(lost), ", ")),
                              kForget, gone);
    forget.payload_json = About(NamesOf(lost), params);
    removed.push_back(forget.id);
    plan.steps.push_back(std::move(forget));
  }
  for (std::size_t i = first; i < plan.steps.size(); ++i) plan.steps[i].point_of_no_return = true;
  for (auto& component : ToRestart(scale.leaving)) params.add_restart(std::move(component));
  AddRewrite(&plan, topology::Without(cluster, names), scale.unreachable, params, removed);
  return plan;
}

}  // namespace dmgr::operations
