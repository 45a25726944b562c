#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "server/topology/topology.h"
#include "server/topology/values.h"

namespace dmgr::topology {
namespace {

// "a, b and 7 more".
std::string ListOf(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 20;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    list += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kShown) list += fmt::format(" and {} more", names.size() - kShown);
  return list;
}

std::set<Component> SelectRoles(const std::vector<std::string>& roles,
                                std::vector<Problem>* problems) {
  std::set<Component> selected;
  for (std::size_t i = 0; i < roles.size(); ++i) {
    const auto component = ParseComponent(roles[i]);
    if (component.has_value()) {
      selected.insert(*component);
      continue;
    }
    std::vector<std::string> known;
    for (Component candidate : kComponents) known.emplace_back(Name(candidate));
    problems->push_back(
        {fmt::format("selection.roles[{}]", i),
         fmt::format("{} is not a role; known are {}", Quote(roles[i]), ListOf(known))});
  }
  return selected;
}

// What a node is called: an instance by its name or its host:port, and all on a host by that or by
// the machine. Each word means the first of these that it fits.
std::unordered_map<std::string, std::set<const Instance*>> NodeWords(const Cluster& cluster) {
  std::unordered_map<std::string, std::set<const Instance*>> words;
  for (const Instance& instance : cluster.instances) words[instance.name].insert(&instance);
  // A dm-master and a dm-worker may have the same name.
  for (const Instance& instance : cluster.instances) words[instance.DmName()].insert(&instance);
  const auto add = [&](auto word_of) {
    std::unordered_map<std::string, std::set<const Instance*>> more;
    for (const Instance& instance : cluster.instances) more[word_of(instance)].insert(&instance);
    words.merge(more);
  };
  add([](const Instance& instance) { return instance.NodeId(); });
  add([](const Instance& instance) { return instance.host; });
  add([](const Instance& instance) { return instance.machine_id; });
  return words;
}

std::set<const Instance*> SelectNodes(const Cluster& cluster, const std::vector<std::string>& nodes,
                                      std::vector<Problem>* problems) {
  const auto words = NodeWords(cluster);
  std::set<const Instance*> selected;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto it = words.find(nodes[i]);
    if (it != words.end()) {
      selected.insert(it->second.begin(), it->second.end());
      continue;
    }
    std::vector<std::string> known;
    for (const Instance& instance : cluster.instances) known.push_back(instance.NodeId());
    problems->push_back({fmt::format("selection.nodes[{}]", i),
                         fmt::format("cluster {} has no instance {}; known are {}", cluster.name,
                                     Quote(nodes[i]), ListOf(known))});
  }
  return selected;
}

}  // namespace

std::vector<const Instance*> Select(const Cluster& cluster, const std::vector<std::string>& roles,
                                    const std::vector<std::string>& nodes,
                                    std::vector<Problem>* problems) {
  const std::size_t before = problems->size();
  const auto wanted_roles = SelectRoles(roles, problems);
  const auto wanted_nodes = SelectNodes(cluster, nodes, problems);
  std::vector<const Instance*> selected;
  for (const Instance& instance : cluster.instances) {
    if (!roles.empty() && wanted_roles.count(instance.component) == 0) continue;
    if (!nodes.empty() && wanted_nodes.count(&instance) == 0) continue;
    selected.push_back(&instance);
  }
  if (selected.empty() && problems->size() == before) {
    problems->push_back(
        {"selection", fmt::format("selects no instance of cluster {}", cluster.name)});
  }
  return selected;
}

}  // namespace dmgr::topology
