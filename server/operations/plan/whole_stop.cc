#include "server/operations/plan/whole_stop.h"

#include <algorithm>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;

}  // namespace

bool IsWhole(const topology::Cluster& cluster, const Instances& instances) {
  return std::all_of(cluster.instances.begin(), cluster.instances.end(), [&](const Instance& one) {
    if (one.component != Component::kDmMaster && one.component != Component::kDmWorker) return true;
    return std::any_of(instances.begin(), instances.end(),
                       [&](const Instance* i) { return i->name == one.name; });
  });
}

std::vector<std::string> AddWorkersStop(engine::Plan* plan, const topology::Cluster& cluster,
                                        const Instances& instances, AfterStop after,
                                        const std::vector<std::string>& before) {
  Instances workers = instances;
  std::erase_if(workers, [](const Instance* i) { return i->component != Component::kDmWorker; });
  return AddEachMachine(plan, cluster, workers, {.what = "stop/dm-worker", .title = "stop {}"},
                        after == AfterStop::kStartsAgain ? kStopToStart : kStop, before);
}

std::vector<std::string> AddRestStop(engine::Plan* plan, const topology::Cluster& cluster,
                                     const Instances& instances, AfterStop after,
                                     const std::vector<std::string>& before) {
  Instances rest = instances;
  std::erase_if(rest, [](const Instance* i) { return i->component == Component::kDmWorker; });
  auto evict = ControlStep("evict", "have no dm-master lead", kEvictMasters, before);
  const std::vector<std::string> evicted = {evict.id};
  plan->steps.push_back(std::move(evict));
  const auto told = AddEachMachine(
      plan, cluster, rest, {.what = "tell", .title = "tell {} to stop"}, kTellStop, evicted);
  return AddEachMachine(plan, cluster, rest, {.what = "end", .title = "see {} end"},
                        after == AfterStop::kStartsAgain ? kEndToStart : kEnd, told);
}

std::vector<std::string> AddWholeStop(engine::Plan* plan, const topology::Cluster& cluster,
                                      const Instances& instances, AfterStop after,
                                      const std::vector<std::string>& before) {
  if (instances.empty()) return before;
  return AddRestStop(plan, cluster, instances, after,
                     AddWorkersStop(plan, cluster, instances, after, before));
}

}  // namespace dmgr::operations
