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

Instances Joining(const topology::Cluster& cluster) {
  Instances added;
  for (const auto& instance : cluster.instances) {
    if (instance.membership == topology::Membership::kJoining) added.push_back(&instance);
  }
  return added;
}

pv1::ScaleParams AboutAll(const Instances& instances) {
  pv1::ScaleParams params;
  const Names names = NamesOf(instances);
  params.mutable_all()->Assign(names.begin(), names.end());
  return params;
}

pv1::ScaleParams AboutLeaving(const ScaleIn& scale) {
  pv1::ScaleParams params = AboutAll(scale.leaving);
  params.set_force(scale.force);
  params.set_accepts_load_restart(scale.accepts_load_restart);
  return params;
}

// Puts the new instances on their hosts. This one and the next ones answer with the ids that what
// follows must wait for.
Names AddNew(engine::Plan* plan, const topology::Cluster& cluster, const v1::Package& package,
             const Instances& added, const pv1::ScaleParams& params) {
  auto record = ControlStep("register", "record the instances as being added", kRegisterNew, {});
  pv1::ScaleParams recorded = params;
  for (const auto& one : cluster.borrowed) {
    if (one.membership == topology::Membership::kJoining) recorded.add_borrowed(one.name);
  }
  record.payload_json = StepJson(recorded);
  const Names registered = {record.id};
  plan->steps.push_back(std::move(record));
  Names surveys;
  AddByMachine(plan, cluster, added, "survey", "record what is there before", kSurveyNew, params,
               registered, &surveys);
  return AddInstallSteps(plan, topology::Only(cluster, NamesOf(added)), package, /*named=*/true,
                         surveys);
}

// One dm-master after another. no_return: something came before that cannot be taken back.
Names AddJoins(engine::Plan* plan, const Instances& added, const pv1::ScaleParams& params,
               Names before, bool no_return = false) {
  for (const auto* master : Among(added, IsMaster)) {
    auto join =
        HostStep(master->machine_id, "join/" + master->name, "join " + master->name, kJoin, before);
    join.payload_json = About({master->name}, params);
    join.weight = 6;
    join.point_of_no_return = no_return;
    before = {join.id};
    plan->steps.push_back(std::move(join));
  }
  return before;
}

// dm-workers, and monitoring in the words of `monitoring`.
Names AddStarts(engine::Plan* plan, const topology::Cluster& cluster, const Instances& added,
                const std::string& monitoring, const pv1::ScaleParams& params,
                const Names& before) {
  Names started;
  AddByMachine(plan, cluster, Among(added, IsWorker), "start/dm-worker", "start", kStartNew, params,
               before, &started);
  AddByMachine(plan, cluster, Among(added, IsMonitoring), "start/monitoring", monitoring, kStartNew,
               params, before, &started);
  return started.empty() ? before : started;
}

// Of those that leave, which are on hosts that answer, and which are not.
struct Sides {
  Instances here;
  Instances lost;
};

Sides SidesOf(const ScaleIn& scale) {
  Sides sides;
  for (const auto* instance : scale.leaving) {
    const bool lost = scale.unreachable.contains(instance->machine_id);
    (lost ? sides.lost : sides.here).push_back(instance);
  }
  return sides;
}

// All that can be undone: sources move, what is no dm-master stops.
Names AddIdling(engine::Plan* plan, const topology::Cluster& cluster, const ScaleIn& scale,
                const pv1::ScaleParams& params, Names before) {
  // One after another: two must not choose the same worker.
  for (const auto* worker : Among(scale.leaving, IsWorker)) {
    auto vacate = ControlStep("vacate/" + worker->name, "move the source of " + worker->name,
                              kVacate, before);
    pv1::ScaleParams vacating = params;
    vacating.set_force(scale.force || scale.comes_back);
    vacate.payload_json = About({worker->name}, vacating);
    before = {vacate.id};
    plan->steps.push_back(std::move(vacate));
  }
  Instances ending = SidesOf(scale).here;
  // They run on for another cluster.
  std::erase_if(ending, [&](const Instance* one) { return scale.lent.contains(one->name); });
  Instances idle = Among(ending, IsWorker);
  for (const auto* instance : Among(ending, IsMonitoring)) idle.push_back(instance);
  Names surveys;
  Names stopped = before;
  AddByMachine(plan, cluster, idle, kUnitsStep, "record whether they run:", kSurveyUnits, params,
               before, &surveys);
  // That it runs again later is no reason to stop it once more.
  AddByMachine(plan, cluster, idle, "stop", "stop", scale.comes_back ? kStopToStart : kStop, params,
               surveys.empty() ? before : surveys, &stopped);
  const Instances masters = Among(scale.leaving, IsMaster);
  if (masters.empty()) return stopped;
  // The last moment at which all can be undone.
  auto ask = ControlStep("quorum", "ask whether DM survives it", kAskQuorum, stopped);
  ask.payload_json = About(NamesOf(masters), params);
  stopped = {ask.id};
  plan->steps.push_back(std::move(ask));
  return stopped;
}

// DM lets go of each, of dm-masters one after another.
Names AddLeaves(engine::Plan* plan, const ScaleIn& scale, const pv1::ScaleParams& params,
                const Names& before) {
  Names gone = before;
  const auto add_leave = [&](const Instance* instance, const Names& after) {
    const bool reachable = !scale.unreachable.contains(instance->machine_id);
    auto leave = reachable ? HostStep(instance->machine_id, "leave/" + instance->name,
                                      "take " + instance->name + " out of DM", kLeave, after)
                           : ControlStep("leave/" + instance->name,
                                         "take " + instance->name + " out of DM", kLetGo, after);
    leave.payload_json = About({instance->name}, params);
    leave.point_of_no_return = true;
    leave.weight = 2;
    gone.push_back(leave.id);
    plan->steps.push_back(std::move(leave));
  };
  for (const auto* worker : Among(scale.leaving, IsWorker)) add_leave(worker, before);
  for (const auto* master : Among(scale.leaving, IsMaster)) add_leave(master, Names(gone));
  return gone;
}

Names AddRemovals(engine::Plan* plan, const topology::Cluster& cluster, const ScaleIn& scale,
                  const pv1::ScaleParams& params, const Names& before) {
  const Sides sides = SidesOf(scale);
  const std::size_t first = plan->steps.size();
  Names removed;
  AddByMachine(plan, cluster, sides.here, "remove", "remove", kRemoveSome, params, before,
               &removed);
  if (!sides.lost.empty()) {
    auto forget = ControlStep(
        "forget", fmt::format("forget {}", fmt::join(NamesOf(sides.lost), ", ")), kForget, before);
    forget.payload_json = About(NamesOf(sides.lost), params);
    removed.push_back(forget.id);
    plan->steps.push_back(std::move(forget));
  }
  for (std::size_t i = first; i < plan->steps.size(); ++i) plan->steps[i].point_of_no_return = true;
  return removed;
}

}  // namespace

engine::Plan PlanScaleOut(const topology::Cluster& cluster, const v1::Package& package,
                          const std::set<std::string>& skipped) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_SCALE_OUT, cluster);
  const Instances added = Joining(cluster);
  pv1::ScaleParams params = AboutAll(added);
  const Names ready =
      AddJoins(&plan, added, params, AddNew(&plan, cluster, package, added, params));
  const Names started = AddStarts(&plan, cluster, added, "start", params, ready);
  for (auto& component : ToRestart(added)) params.add_restart(std::move(component));
  AddRewrite(&plan, cluster, skipped, params, started);
  return plan;
}

engine::Plan PlanScaleIn(const topology::Cluster& cluster, const ScaleIn& scale) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_SCALE_IN, cluster);
  pv1::ScaleParams params = AboutLeaving(scale);
  const Names idle = AddIdling(&plan, cluster, scale, params, {});
  const Names gone = AddLeaves(&plan, scale, params, idle);
  const Names removed = AddRemovals(&plan, cluster, scale, params, gone);
  for (auto& component : ToRestart(scale.leaving)) params.add_restart(std::move(component));
  AddRewrite(&plan, topology::Without(cluster, NamesOf(scale.leaving)), scale.unreachable, params,
             removed);
  return plan;
}

engine::Plan PlanMove(const topology::Cluster& cluster, const v1::Package& package,
                      const Move& move) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_MOVE_MACHINE, cluster);
  const Instances added = Joining(cluster);
  const pv1::ScaleParams coming = AboutAll(added);
  pv1::ScaleParams leaving = AboutLeaving(move.away);
  Names ready = AddNew(&plan, cluster, package, added, coming);
  if (!move.masters_leave_first) ready = AddJoins(&plan, added, coming, std::move(ready));
  const Names started = AddStarts(&plan, cluster, added, "start, with empty data,", coming, ready);
  const Names idle = AddIdling(&plan, cluster, move.away, leaving, started);
  Names gone = AddLeaves(&plan, move.away, leaving, idle);
  if (move.masters_leave_first) {
    gone = AddJoins(&plan, added, coming, std::move(gone), /*no_return=*/true);
  }
  const Names removed = AddRemovals(&plan, cluster, move.away, leaving, gone);
  // Also those that are new learnt of the old ones when they started.
  Instances changed = added;
  changed.insert(changed.end(), move.away.leaving.begin(), move.away.leaving.end());
  for (auto& component : ToRestart(changed)) leaving.add_restart(std::move(component));
  AddRewrite(&plan, topology::Without(cluster, NamesOf(move.away.leaving)), move.away.unreachable,
             leaving, removed);
  return plan;
}

engine::Plan PlanReaddress(const topology::Cluster& cluster, const Readdress& readdress) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_MOVE_MACHINE, cluster);
  const ScaleIn& away = readdress.away;
  pv1::ScaleParams params = AboutLeaving(away);
  const Names idle = AddIdling(&plan, cluster, away, params, {});
  auto write = HostStep(readdress.machine_id, "readdress",
                        fmt::format("give {} the address {}",
                                    fmt::join(NamesOf(away.leaving), ", "), readdress.place.host),
                        kReaddress, AddLeaves(&plan, away, params, idle));
  pv1::ReaddressParams written;
  written.set_host(readdress.place.host);
  written.set_manage_host(readdress.place.manage_host);
  written.set_ssh_port(static_cast<std::uint32_t>(readdress.place.ssh_port));
  write.payload_json = StepJson(written);
  write.point_of_no_return = true;
  Names ready = {write.id};
  plan.steps.push_back(std::move(write));
  ready = AddJoins(&plan, away.leaving, params, std::move(ready), /*no_return=*/true);
  // What was stopped stays so.
  Instances running = away.leaving;
  std::erase_if(running, [](const Instance* one) { return !one->wanted_running; });
  const Names started = AddStarts(&plan, cluster, running, "start", params, ready);
  for (auto& component : ToRestart(away.leaving)) params.add_restart(std::move(component));
  AddRewrite(&plan, cluster, away.unreachable, params, started);
  return plan;
}

}  // namespace dmgr::operations
