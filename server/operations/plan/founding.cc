#include "server/operations/plan/founding.h"

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

// Tells of a machine which directories the step is about.
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

}  // namespace

std::vector<std::string> DirsToClean(const Instance& instance, const Clean& what) {
  std::vector<std::string> dirs;
  if (what.logs) dirs.push_back(instance.log_dir);
  if (what.data) dirs.push_back(instance.data_dir);
  return dirs;
}

topology::Cluster AsFounded(topology::Cluster cluster, const std::vector<std::string>& founders) {
  for (auto& instance : cluster.instances) {
    if (instance.component != Component::kDmMaster) continue;
    instance.membership = std::ranges::find(founders, instance.name) != founders.end()
                              ? Membership::kFounder
                              : Membership::kJoined;
  }
  return cluster;
}

std::vector<std::string> AddClean(engine::Plan* plan, const topology::Cluster& cluster,
                                  const Instances& instances, const Clean& what,
                                  const std::vector<std::string>& before) {
  const auto first = static_cast<std::ptrdiff_t>(plan->steps.size());
  auto cleaned = AddEachMachine(plan, cluster, instances, {.what = "clean", .title = "clean {}"},
                                kClean, before);
  std::for_each(plan->steps.begin() + first, plan->steps.end(),
                [&](engine::Step& step) { DescribeClean(instances, what, &step); });
  return cleaned;
}

std::vector<std::string> AddFounding(engine::Plan* plan, const topology::Cluster& cluster,
                                     const Instances& founders,
                                     const std::vector<std::string>& before) {
  pv1::FoundParams params;
  for (const auto* founder : founders) params.add_founders(founder->name);
  const std::vector<std::string> names(params.founders().begin(), params.founders().end());
  const auto founded = AsFounded(cluster, names);
  if (std::equal(
          founded.instances.begin(), founded.instances.end(), cluster.instances.begin(),
          [](const Instance& a, const Instance& b) { return a.membership == b.membership; })) {
    return before;
  }
  const auto first = static_cast<std::ptrdiff_t>(plan->steps.size());
  const auto found =
      AddEachMachine(plan, cluster, founders,
                     {.what = "found", .title = "prepare for a new DM: {}"}, kFound, before);
  plan->steps.push_back(ControlStep("founders", "record the dm-masters as those of a new DM",
                                    kRecordFounders, found));
  std::for_each(plan->steps.begin() + first, plan->steps.end(), [&](engine::Step& step) {
    pv1::FoundParams own = params;
    *own.mutable_instances() = NamesOn(step.host, founders).instances();
    step.payload_json = StepJson(own);
    step.point_of_no_return = true;
  });
  return {"founders"};
}

}  // namespace dmgr::operations
