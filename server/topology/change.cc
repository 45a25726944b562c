#include <algorithm>
#include <iterator>

#include "server/topology/made_of.h"

namespace dmgr::topology {
namespace {

template <typename Keep>
Cluster Filtered(const Cluster& cluster, Keep keep) {
  Cluster result = cluster;
  result.instances.clear();
  std::copy_if(cluster.instances.begin(), cluster.instances.end(),
               std::back_inserter(result.instances), keep);
  return result;
}

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Cluster Only(const Cluster& cluster, const std::vector<std::string>& names) {
  return Filtered(cluster, [&](const Instance& i) { return Has(names, i.name); });
}

Cluster Without(const Cluster& cluster, const std::vector<std::string>& names) {
  return Filtered(cluster, [&](const Instance& i) { return !Has(names, i.name); });
}

Cluster MembersOf(const Cluster& cluster) {
  return Filtered(cluster, [](const Instance& i) { return i.membership != Membership::kJoining; });
}

std::vector<std::string> JoinAddresses(const Cluster& cluster, const Instance& instance) {
  std::vector<std::string> addresses;
  if (instance.membership == Membership::kFounder) return addresses;
  for (const Instance* other : cluster.Of(Component::kDmMaster)) {
    const bool member = other->membership != Membership::kJoining;
    if (member && other->name != instance.name) addresses.push_back(other->NodeId());
  }
  return addresses;
}

void AppendServers(const v1::Topology& added, v1::Topology* topology) {
  ForEachSection([&](const auto& section) { section.Of(topology).MergeFrom(section.Of(added)); });
}

void RemoveServers(const std::vector<Instance>& instances, v1::Topology* topology) {
  ForEachSection([&](const auto& section) {
    auto& servers = section.Of(topology);
    const auto gone = [&](const auto& server) {
      return std::any_of(instances.begin(), instances.end(), [&](const Instance& instance) {
        return instance.component == section.component && MadeOf(instance, server);
      });
    };
    servers.erase(std::remove_if(servers.begin(), servers.end(), gone), servers.end());
  });
}

}  // namespace dmgr::topology
