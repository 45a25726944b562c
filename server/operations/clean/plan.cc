#include "server/operations/clean/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "dmgr/plan/v1/clean.pb.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using topology::Membership;
using Instances = std::vector<const Instance*>;

bool BeginsAnew(const Instances& instances, const Clean& what) {
  return what.data && std::any_of(instances.begin(), instances.end(), [](const Instance* i) {
           return i->component == Component::kDmMaster;
         });
}

// One step for each machine that has some of the instances.
std::vector<engine::Step> EachMachine(const topology::Cluster& cluster, const Instances& instances,
                                      const std::string& what, const std::string& title,
                                      const char* runner, const std::vector<std::string>& before) {
  std::vector<engine::Step> steps;
  for (const auto& machine : cluster.MachineIds()) {
    const pv1::InstancesParams params = NamesOn(machine, instances);
    if (params.instances().empty()) continue;
    auto step =
        HostStep(machine, what, fmt::format("{} {}", title, fmt::join(params.instances(), ", ")),
                 runner, before);
    step.payload_json = StepJson(params);
    step.weight = 0.2;
    steps.push_back(std::move(step));
  }
  return steps;
}

void Append(std::vector<engine::Step> steps, engine::Plan* plan) {
  for (auto& step : steps) plan->steps.push_back(std::move(step));
}

// Tells of each machine which directories it is about.
void DescribeClean(const Instances& instances, const Clean& what, engine::Step* step) {
  pv1::CleanParams params;
  params.set_logs(what.logs);
  params.set_data(what.data);
  std::vector<std::string> dirs;
  for (const auto* instance : instances) {
    if (instance->machine_id != step->host) continue;
    params.add_instances(instance->name);
    for (auto& dir : DirsToClean(*instance, what)) dirs.push_back(std::move(dir));
  }
  step->title = fmt::format("remove all that is in {}", fmt::join(dirs, ", "));
  step->payload_json = StepJson(params);
  step->weight = 1;
  step->point_of_no_return = true;
}

// Whoever has joined is a founder of the DM that begins anew.
void AddFounding(const topology::Cluster& cluster, const std::vector<std::string>& cleaned,
                 engine::Plan* plan) {
  const Instances masters = cluster.Of(Component::kDmMaster);
  if (std::all_of(masters.begin(), masters.end(),
                  [](const Instance* i) { return i->membership == Membership::kFounder; })) {
    return;
  }
  auto found = EachMachine(cluster, masters, "found", "prepare for a new DM:", kFound, cleaned);
  for (auto& step : found) step.point_of_no_return = true;
  auto record = ControlStep("founders", "record the dm-masters as those of a new DM",
                            kRecordFounders, Ids(found));
  record.point_of_no_return = true;
  Append(std::move(found), plan);
  plan->steps.push_back(std::move(record));
}

}  // namespace

std::vector<std::string> DirsToClean(const Instance& instance, const Clean& what) {
  std::vector<std::string> dirs;
  if (what.logs) dirs.push_back(instance.log_dir);
  if (what.data) dirs.push_back(instance.data_dir);
  return dirs;
}

Instances MustBeStopped(const topology::Cluster& cluster, const Instances& instances,
                        const Clean& what) {
  const bool all_of_dm = BeginsAnew(instances, what);
  Instances stopped;
  for (const auto& instance : cluster.instances) {
    const bool cleaned =
        std::find(instances.begin(), instances.end(), &instance) != instances.end();
    if (cleaned || (all_of_dm && instance.IsDm())) stopped.push_back(&instance);
  }
  return stopped;
}

topology::Cluster AsFounded(topology::Cluster cluster) {
  for (auto& instance : cluster.instances) {
    if (instance.component == Component::kDmMaster) instance.membership = Membership::kFounder;
  }
  return cluster;
}

engine::Plan PlanClean(const topology::Cluster& cluster, const Instances& instances,
                       const Clean& what) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_CLEAN, cluster);
  auto checks = EachMachine(cluster, MustBeStopped(cluster, instances, what), "stopped",
                            "see that none runs of", kCheckStopped, {});
  auto cleans = EachMachine(cluster, instances, "clean", "clean", kClean, Ids(checks));
  for (auto& step : cleans) DescribeClean(instances, what, &step);
  const std::vector<std::string> cleaned = Ids(cleans);
  Append(std::move(checks), &plan);
  Append(std::move(cleans), &plan);
  if (BeginsAnew(instances, what)) AddFounding(cluster, cleaned, &plan);
  return plan;
}

}  // namespace dmgr::operations
