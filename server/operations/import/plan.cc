#include "server/operations/import/plan.h"

#include <string>
#include <utility>
#include <vector>

#include "server/clusters/placement.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

std::vector<const topology::Instance*> AllOf(const topology::Cluster& cluster) {
  std::vector<const topology::Instance*> instances;
  for (const auto& instance : cluster.instances) instances.push_back(&instance);
  return instances;
}

// What dmgr needs on every host before it replaces anything. Returns the ids.
std::vector<std::string> AddSending(engine::Plan* plan, const topology::Cluster& cluster,
                                    const v1::Package& package,
                                    const std::vector<std::string>& before) {
  std::vector<std::string> sent;
  for (const auto& machine : cluster.MachineIds()) {
    auto prepare = HostStep(machine, "prepare", "make the directories that are missing",
                            kPrepareTakeover, before);
    prepare.weight = 0.3;
    const std::string prepared = prepare.id;
    sent.push_back(prepared);
    plan->steps.push_back(std::move(prepare));
    for (const auto& component : ComponentsOn(cluster, machine)) {
      auto send = HostStep(machine, "release/" + component,
                           "send " + component + " " + cluster.version, kSendTakeover, {prepared});
      pv1::ReleaseParams params;
      params.set_component(component);
      send.payload_json = StepJson(params);
      if (const auto* release = clusters::ReleaseOn(package, cluster, machine, component)) {
        send.bytes_total = release->compressed_bytes();
      }
      send.weight = TransferWeight(send.bytes_total);
      sent.push_back(send.id);
      plan->steps.push_back(std::move(send));
    }
  }
  return sent;
}

}  // namespace

engine::Plan PlanImport(const topology::Cluster& cluster) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_IMPORT, cluster);
  plan.steps.push_back(
      ControlStep("register", "record the cluster as being imported", kRegister, {}));
  plan.steps.back().done = true;
  const auto looks =
      AddEachMachine(&plan, cluster, AllOf(cluster),
                     {.what = kForeignLookStep, .title = "look for {} as TiUP has laid them"},
                     kLookAtForeign, {"register"});
  plan.steps.push_back(ControlStep(
      "members", "compare DM's members, and the versions of what runs, with the topology",
      kCheckForeign, looks));
  plan.steps.push_back(
      ControlStep("workspace", "make a folder for the cluster", kClaimForeign, {"members"}));
  plan.steps.push_back(ControlStep("record", "record the cluster as one that TiUP has laid",
                                   kRecordForeign, {"workspace"}));
  return plan;
}

engine::Plan PlanTakeover(const topology::Cluster& cluster, const v1::Package& package,
                          const Takeover& takeover) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_TAKE_OVER, cluster);
  std::vector<std::string> before;
  for (const auto& machine : cluster.MachineIds()) {
    auto survey = HostStep(machine, "survey", "record what is there", kSurveyTakeover, {});
    survey.weight = 0.3;
    before.push_back(survey.id);
    plan.steps.push_back(std::move(survey));
  }
  const auto instances = AllOf(cluster);
  before = AddUnitSurveys(&plan, cluster, instances, std::move(before));
  plan.steps.push_back(ControlStep("workspace", "unpack the package for the cluster", kTakeoverTree,
                                   std::move(before)));
  before = AddSending(&plan, cluster, package, {"workspace"});
  if (takeover.running) {
    TurnOptions options;
    options.max_parallel = takeover.max_parallel;
    options.accepts_load_restart = takeover.accepts_load_restart;
    before = AddTurns(&plan, instances, kTakeOver, "adopt", std::move(before), options);
  } else {
    before =
        AddEachMachine(&plan, cluster, instances,
                       {.what = "adopt", .title = "put dmgr's files in the place of TiUP's: {}"},
                       kTakeOverStopped, before);
  }
  plan.steps.push_back(ControlStep("record", "record that the cluster's files are dmgr's",
                                   kRecordTakeover, std::move(before)));
  return plan;
}

engine::Plan PlanRelease(const topology::Cluster& cluster, bool taken_over) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_RELEASE, cluster);
  std::vector<std::string> before;
  for (const auto& machine : taken_over ? cluster.MachineIds() : std::vector<std::string>()) {
    plan.steps.push_back(HostStep(machine, "leave",
                                  "take away the releases, and what is recorded of the cluster",
                                  kLeaveToTiup, {}));
    plan.steps.back().point_of_no_return = true;
    before.push_back(plan.steps.back().id);
  }
  plan.steps.push_back(ControlStep("forget",
                                   taken_over
                                       ? "forget the cluster, which runs on"
                                       : "forget the cluster, and leave its hosts as they are",
                                   kForgetForeign, std::move(before)));
  plan.steps.back().point_of_no_return = true;
  return plan;
}

}  // namespace dmgr::operations
