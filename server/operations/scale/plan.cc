#include "server/operations/scale/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/operations/plan/growth.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using components::DmRole;
using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;
using Names = std::vector<std::string>;

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

// One dm-master after another. no_return: something came before that cannot be taken back.
Names AddJoins(engine::Plan* plan, const Instances& added, const pv1::ScaleParams& params,
               Names before, bool no_return = false) {
  for (const auto* master : Among(added, IsMaster)) {
    auto join =
        HostStep(master->machine_id, "join/" + master->name, "join " + master->name, kJoin, before);
    join.payload_json = AboutSome({master->name}, params);
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

// All that can be undone: sources move, what is no dm-master stops.
Names AddIdling(engine::Plan* plan, const topology::Cluster& cluster, const ScaleIn& scale,
                const pv1::ScaleParams& params, Names before) {
  const Instances workers = Among(scale.leaving, IsWorker);
  if (!workers.empty()) before = AddMembersSurvey(plan, std::move(before));
  // One after another: two must not choose the same worker.
  for (const auto* worker : workers) {
    auto vacate = ControlStep("vacate/" + worker->name, "move the source of " + worker->name,
                              kVacate, before);
    pv1::ScaleParams vacating = params;
    vacating.set_force(scale.force || scale.comes_back);
    vacate.payload_json = AboutSome({worker->name}, vacating);
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
  ask.payload_json = AboutSome(NamesOf(masters), params);
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
    leave.payload_json = AboutSome({instance->name}, params);
    leave.point_of_no_return = true;
    leave.weight = 2;
    gone.push_back(leave.id);
    plan->steps.push_back(std::move(leave));
  };
  for (const auto* worker : Among(scale.leaving, IsWorker)) add_leave(worker, before);
  for (const auto* master : Among(scale.leaving, IsMaster)) add_leave(master, Names(gone));
  return gone;
}

}  // namespace

engine::Plan PlanScaleOut(const topology::Cluster& cluster, const v1::Package& package,
                          const std::set<std::string>& skipped) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_SCALE_OUT, cluster);
  const Instances added = Joining(cluster);
  pv1::ScaleParams params = AboutThese(added);
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
  const pv1::ScaleParams coming = AboutThese(added);
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
