#include "server/operations/plan/whole_stop.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;

// One step a machine for its instances among these.
std::vector<std::string> AddByMachine(engine::Plan* plan, const topology::Cluster& cluster,
                                      const Instances& instances, const std::string& what,
                                      const std::string& title, const char* runner,
                                      const std::vector<std::string>& before) {
  std::vector<std::string> ids;
  for (const auto& machine : cluster.MachineIds()) {
    const pv1::InstancesParams params = NamesOn(machine, instances);
    if (params.instances().empty()) continue;
    auto step = HostStep(machine, what,
                         fmt::format(fmt::runtime(title), fmt::join(params.instances(), ", ")),
                         runner, before);
    step.payload_json = StepJson(params);
    ids.push_back(step.id);
    plan->steps.push_back(std::move(step));
  }
  return ids.empty() ? before : ids;
}

}  // namespace

bool IsWhole(const topology::Cluster& cluster, const Instances& instances) {
  return std::all_of(cluster.instances.begin(), cluster.instances.end(), [&](const Instance& one) {
    if (one.component != Component::kDmMaster && one.component != Component::kDmWorker) return true;
    return std::any_of(instances.begin(), instances.end(),
                       [&](const Instance* i) { return i->name == one.name; });
  });
}

std::vector<std::string> AddWholeStop(engine::Plan* plan, const topology::Cluster& cluster,
                                      const Instances& instances, AfterStop after,
                                      const std::vector<std::string>& before) {
  if (instances.empty()) return before;
  Instances workers;
  Instances rest;
  std::partition_copy(instances.begin(), instances.end(), std::back_inserter(workers),
                      std::back_inserter(rest),
                      [](const Instance* i) { return i->component == Component::kDmWorker; });
  const bool again = after == AfterStop::kStartsAgain;
  const auto stopped = AddByMachine(plan, cluster, workers, "stop/dm-worker", "stop {}",
                                    again ? kStopToStart : kStop, before);
  auto evict = ControlStep("evict", "have no dm-master lead", kEvictMasters, stopped);
  const std::vector<std::string> evicted = {evict.id};
  plan->steps.push_back(std::move(evict));
  const auto told =
      AddByMachine(plan, cluster, rest, "tell", "tell {} to stop", kTellStop, evicted);
  return AddByMachine(plan, cluster, rest, "end", "see {} end", again ? kEndToStart : kEnd, told);
}

}  // namespace dmgr::operations
