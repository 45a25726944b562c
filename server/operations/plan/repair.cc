#include "server/operations/plan/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

using components::Turns;
using topology::Instance;
using StepIds = std::vector<std::string>;

class RepairPlanner {
 public:
  RepairPlanner(const topology::Cluster& cluster, const Repair& repair)
      : cluster_(cluster), repair_(repair) {}

  std::vector<engine::Step> Make() {
    const StepIds looked = EachMachine("look", "see what differs from the record", kRepairLook, {});
    StepIds before = EachMachine("place", "put right what differs", kRepairPlace, looked);
    if (!repair_.leaves_processes) before = AddProcesses(before);
    before = EachMachine("drop", "remove other versions of", kRepairDrop, before);
    auto record = ControlStep(
        "repaired", fmt::format("record {} as up to date", fmt::join(repair_.machines, ", ")),
        kRecordRepaired, std::move(before));
    pv1::RepairParams params;
    params.mutable_machines()->Assign(repair_.machines.begin(), repair_.machines.end());
    record.payload_json = StepJson(params);
    steps_.push_back(std::move(record));
    return std::move(steps_);
  }

 private:
  StepIds AddProcesses(StepIds before) {
    before = EachWith([](const Instance& i) { return !i.wanted_running; }, "halt",
                      "see that none runs of", kRepairStop, before);
    for (const auto& wave : StartWaves()) {
      before = EachWith(
          [&](const Instance& i) {
            return i.wanted_running && components::TraitsOf(i.component).wave == wave.which;
          },
          "run/" + wave.name, "see that all run of", kRepairStart, before);
    }
    // By now there is a majority of dm-masters, which every turn needs.
    for (const Turns turns : {Turns::kOneByOne, Turns::kLeaderLast, Turns::kBesideDm}) {
      before = AddTurnsOf(turns, std::move(before));
    }
    return before;
  }

  StepIds AddTurnsOf(Turns turns, StepIds before) {
    for (const auto& instance : cluster_.instances) {
      if (components::TraitsOf(instance.component).turns != turns) continue;
      if (!instance.wanted_running || !IsConcerned(instance.machine_id)) continue;
      auto step = HostStep(instance.machine_id, "repair/renew/" + instance.name,
                           fmt::format("restart {} if its files differed", instance.name),
                           kRepairTurn, std::move(before));
      step.payload_json = ParamsFor({instance.name});
      step.weight = 0.5;
      before = {step.id};
      steps_.push_back(std::move(step));
    }
    return before;
  }

  bool IsConcerned(const std::string& machine) const {
    return std::find(repair_.machines.begin(), repair_.machines.end(), machine) !=
           repair_.machines.end();
  }

  std::string ParamsFor(const StepIds& names) const {
    pv1::RepairParams params;
    params.mutable_instances()->Assign(names.begin(), names.end());
    params.set_spares_no_majority(repair_.spares_no_majority);
    return StepJson(params);
  }

  StepIds EachMachine(const std::string& what, const char* title, const char* runner,
                      const StepIds& before) {
    return EachWith([](const Instance&) { return true; }, what, title, runner, before);
  }

  // One step a machine for those of its instances that are concerned.
  template <typename Predicate>
  StepIds EachWith(Predicate concerned, const std::string& what, const std::string& title,
                   const char* runner, const StepIds& before) {
    StepIds ids;
    for (const auto& machine : repair_.machines) {
      StepIds names;
      for (const auto* instance : cluster_.OnMachine(machine)) {
        if (concerned(*instance)) names.push_back(instance->name);
      }
      if (names.empty()) continue;
      auto step = HostStep(machine, "repair/" + what,
                           fmt::format("{} {}", title, fmt::join(names, ", ")), runner, before);
      step.payload_json = ParamsFor(names);
      step.weight = 0.5;
      ids.push_back(step.id);
      steps_.push_back(std::move(step));
    }
    return ids.empty() ? before : ids;
  }

  const topology::Cluster& cluster_;
  const Repair& repair_;
  std::vector<engine::Step> steps_;
};

}  // namespace

std::vector<engine::Step> RepairSteps(const topology::Cluster& cluster, const Repair& repair) {
  return RepairPlanner(cluster, repair).Make();
}

}  // namespace dmgr::operations
