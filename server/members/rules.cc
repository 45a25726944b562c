#include "server/members/rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace dmgr::members {
namespace {

using topology::Instance;

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string JoinProblem(const topology::Cluster& cluster, const dm::Members& members) {
  if (members.leader_name.empty()) return "it has no leader";
  for (const auto& master : members.masters) {
    if (master.name.empty()) return "it has an unnamed dm-master, left by a join that failed";
    if (!master.alive) return fmt::format("dm-master {} is not alive", master.name);
    const auto known = cluster.Of(topology::Component::kDmMaster);
    const bool ours = std::any_of(known.begin(), known.end(),
                                  [&](const Instance* i) { return i->name == master.name; });
    if (!ours) return fmt::format("it lists dm-master {}, which the record does not", master.name);
  }
  return {};
}

std::vector<const Instance*> LeaveOrder(const std::vector<const Instance*>& all,
                                        const dm::Members& members) {
  const auto rank = [&](const Instance* instance) {
    const dm::Master* master = members.FindMaster(instance->name);
    if (master == nullptr || !master->alive) return 0;
    return members.leader_name == instance->name ? 2 : 1;
  };
  std::vector<const Instance*> order = all;
  std::stable_sort(order.begin(), order.end(),
                   [&](const Instance* a, const Instance* b) { return rank(a) < rank(b); });
  return order;
}

std::vector<const Instance*> OrderLeaving(const dm::Members& members,
                                          std::vector<const Instance*>* leaving) {
  const auto first = std::stable_partition(
      leaving->begin(), leaving->end(),
      [](const Instance* one) { return one->component != topology::Component::kDmMaster; });
  const auto masters = LeaveOrder({first, leaving->end()}, members);
  std::copy(masters.begin(), masters.end(), first);
  return masters;
}

dm::Members Without(dm::Members members, const std::vector<const Instance*>& left) {
  std::erase_if(members.masters, [&](const dm::Master& master) {
    return std::any_of(left.begin(), left.end(),
                       [&](const Instance* one) { return one->name == master.name; });
  });
  return members;
}

std::string QuorumProblem(const std::vector<const Instance*>& leaving, const dm::Members& members,
                          bool force) {
  std::vector<dm::Master> masters = members.masters;
  std::vector<std::string> names;
  for (const auto* instance : leaving) names.push_back(instance->name);
  for (const auto& master : masters) {
    if (master.alive || force || Has(names, master.name)) continue;
    return fmt::format("dm-master {} is not alive: start it, or take it out as well",
                       master.name.empty() ? "without a name" : master.name);
  }
  for (const auto& name : names) {
    const auto target = std::find_if(masters.begin(), masters.end(),
                                     [&](const dm::Master& m) { return m.name == name; });
    if (target == masters.end()) continue;
    const auto alive = [&] {
      return static_cast<std::size_t>(std::count_if(masters.begin(), masters.end(),
                                                    [](const dm::Master& m) { return m.alive; }));
    };
    if (alive() < masters.size() / 2 + 1) {
      return fmt::format("{} of {} dm-masters are alive: too few to agree that {} leaves", alive(),
                         masters.size(), name);
    }
    masters.erase(target);
    if (masters.empty()) return "no dm-master would be left";
    if (alive() < masters.size() / 2 + 1) {
      return fmt::format("without {} only {} of {} dm-masters would be alive: no majority", name,
                         alive(), masters.size());
    }
  }
  return {};
}

std::string SourceProblem(const std::vector<const Instance*>& leaving, const dm::Members& members) {
  std::vector<std::string> names;
  for (const auto* instance : leaving) names.push_back(instance->name);
  std::vector<std::string> bound;
  long free = 0;
  for (const auto& worker : members.workers) {
    if (!Has(names, worker.name)) {
      free += worker.stage == "free" ? 1 : 0;
    } else if (!worker.source.empty()) {
      bound.push_back(fmt::format("{} has source {}", worker.name, worker.source));
    }
  }
  if (static_cast<long>(bound.size()) <= free) return {};
  return fmt::format("{}, and {} dm-worker{} that stay{} are free to take over",
                     fmt::join(bound, ", "), free, free == 1 ? "" : "s", free == 1 ? "s" : "");
}

std::string FreeWorker(const std::vector<std::string>& leaving, const dm::Members& members) {
  for (const auto& worker : members.workers) {
    if (worker.stage == "free" && !Has(leaving, worker.name)) return worker.name;
  }
  return {};
}

std::string UnlessElecting(std::string_view otherwise) {
  return fmt::format(
      "where its leader has just died, wait for a minute until DM has another one; else {}",
      otherwise);
}

}  // namespace dmgr::members
