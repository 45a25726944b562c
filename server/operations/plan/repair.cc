#include "server/operations/plan/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/remedies.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

using components::Turns;
using topology::Instance;
using StepIds = std::vector<std::string>;

bool IsAmong(const std::string& name, const StepIds& names) {
  return std::ranges::find(names, name) != names.end();
}

class RepairPlanner {
 public:
  RepairPlanner(const topology::Cluster& cluster, const Repair& repair)
      : cluster_(cluster),
        repair_(repair),
        remedies_(cluster, repair.differences),
        machines_(repair.machines) {
    for (const auto& machine : cluster.MachineIds()) {
      if (!IsWhole(machine) && remedies_.Concerns(machine)) machines_.push_back(machine);
    }
  }

  std::vector<engine::Step> Make() {
    const auto all = [](const Instance&) { return true; };
    StepIds before = EachWith(all, "look", "see what differs from the record of", kRepairLook, {},
                              {Remedy::kLook});
    before =
        EachWith(all, "place", "put right what differs of", kRepairPlace, before, {Remedy::kPlace});
    if (!repair_.leaves_processes) before = AddProcesses(before);
    before = EachWith([&](const Instance& i) { return IsWhole(i.machine_id); }, "drop",
                      "remove other versions of", kRepairDrop, before, {});
    AddRecord(std::move(before));
    return std::move(steps_);
  }

 private:
  StepIds AddProcesses(StepIds before) {
    const auto has = [&](Remedy remedy, const Instance& instance) {
      return IsWhole(instance.machine_id) || remedies_.Has(remedy, instance.name);
    };
    before = EachWith([&](const Instance& i) { return !i.wanted_running && has(Remedy::kHalt, i); },
                      "halt", "see that none runs of", kRepairStop, before,
                      {Remedy::kHalt, Remedy::kRenew});
    for (const auto& wave : StartWaves()) {
      before = EachWith(
          [&](const Instance& i) {
            return i.wanted_running && has(Remedy::kRun, i) &&
                   components::TraitsOf(i.component).wave == wave.which;
          },
          "run/" + wave.name, "see that all run of", kRepairStart, before, {Remedy::kRun});
    }
    // By now there is a majority of dm-masters, which every turn needs.
    for (const Turns turns : {Turns::kOneByOne, Turns::kLeaderLast, Turns::kBesideDm}) {
      before = AddTurnsOf(turns, std::move(before));
    }
    return AddRests(std::move(before));
  }

  bool HasTurn(const Instance& instance) const {
    if (!instance.wanted_running || !IsAmong(instance.machine_id, machines_)) return false;
    // One that is started has the new files.
    return IsWhole(instance.machine_id) ||
           (remedies_.IsToRenew(instance) && !remedies_.Has(Remedy::kRun, instance.name));
  }

  StepIds AddTurnsOf(Turns turns, StepIds before) {
    for (const auto& instance : cluster_.instances) {
      if (components::TraitsOf(instance.component).turns != turns || !HasTurn(instance)) continue;
      auto step = HostStep(instance.machine_id, "repair/renew/" + instance.name,
                           fmt::format("restart {} if its files differed", instance.name),
                           kRepairTurn, std::move(before));
      auto params = ParamsFor({instance.name});
      params.set_hup(remedies_.IsToRead(instance));
      AddStep(std::move(step), std::move(params), {Remedy::kRenew});
      before = {steps_.back().id};
    }
    return before;
  }

  // One machine after another: any of these may restart something.
  StepIds AddRests(StepIds before) {
    for (const auto& machine : machines_) {
      if (IsWhole(machine)) continue;
      StepIds names;
      StepIds renewed;
      for (const auto* instance : cluster_.OnMachine(machine)) {
        names.push_back(instance->name);
        if (HasTurn(*instance)) renewed.push_back(instance->name);
      }
      auto params = ParamsFor(names);
      params.mutable_renewed()->Assign(renewed.begin(), renewed.end());
      AddStep(HostStep(machine, "repair/rest", "put right what has come to differ since",
                       kRepairRest, std::move(before)),
              std::move(params), {Remedy::kRenew});
      before = {steps_.back().id};
    }
    return before;
  }

  void AddRecord(StepIds before) {
    pv1::RepairParams params;
    params.mutable_machines()->Assign(machines_.begin(), machines_.end());
    const auto rest = remedies_.TakeRest();
    params.mutable_differences()->Assign(rest.begin(), rest.end());
    std::string title = fmt::format("record {} as up to date", fmt::join(machines_, ", "));
    if (machines_.empty()) {
      title = rest.empty() ? "nothing to repair: all is as it is recorded"
                           : "nothing that a repair can put right";
    }
    auto record = ControlStep("repaired", title, kRecordRepaired, std::move(before));
    record.payload_json = StepJson(params);
    steps_.push_back(std::move(record));
  }

  bool IsWhole(const std::string& machine) const { return IsAmong(machine, repair_.machines); }

  pv1::RepairParams ParamsFor(const StepIds& names) const {
    pv1::RepairParams params;
    params.mutable_instances()->Assign(names.begin(), names.end());
    params.set_spares_no_majority(repair_.spares_no_majority);
    params.set_accepts_load_restart(repair_.accepts_load_restart);
    return params;
  }

  void AddStep(engine::Step step, pv1::RepairParams params, const std::vector<Remedy>& remedies) {
    const StepIds names(params.instances().begin(), params.instances().end());
    for (const Remedy remedy : remedies) {
      for (const auto& one : remedies_.Take(remedy, step.host, names)) {
        *params.add_differences() = one;
      }
    }
    for (const auto& owed : repair_.owed) {
      if (step.runner == kRepairLook && IsAmong(owed.instance(), names)) *params.add_owed() = owed;
    }
    step.payload_json = StepJson(params);
    step.weight = 0.5;
    steps_.push_back(std::move(step));
  }

  // One step a machine for those of its instances that are concerned; it is for the differences
  // that the remedies name.
  template <typename Predicate>
  StepIds EachWith(Predicate concerned, const std::string& what, const std::string& title,
                   const char* runner, const StepIds& before, const std::vector<Remedy>& remedies) {
    StepIds ids;
    for (const auto& machine : machines_) {
      StepIds names;
      for (const auto* instance : cluster_.OnMachine(machine)) {
        if (concerned(*instance)) names.push_back(instance->name);
      }
      if (names.empty()) continue;
      auto step = HostStep(machine, "repair/" + what,
                           fmt::format("{} {}", title, fmt::join(names, ", ")), runner, before);
      ids.push_back(step.id);
      AddStep(std::move(step), ParamsFor(names), remedies);
    }
    return ids.empty() ? before : ids;
  }

  const topology::Cluster& cluster_;
  const Repair& repair_;
  Remedies remedies_;
  // Those that have steps.
  StepIds machines_;
  std::vector<engine::Step> steps_;
};

}  // namespace

std::vector<engine::Step> RepairSteps(const topology::Cluster& cluster, const Repair& repair) {
  return RepairPlanner(cluster, repair).Make();
}

}  // namespace dmgr::operations
