#include "server/members/ghosts.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/members/rules.h"

namespace dmgr::members {
namespace {

using topology::Component;

bool IsKnown(const topology::Cluster& cluster, Component component, const std::string& name) {
  const auto known = cluster.Of(component);
  return std::any_of(known.begin(), known.end(),
                     [&](const topology::Instance* instance) { return instance->name == name; });
}

// "10.0.0.1:8261" of "http://10.0.0.1:8261".
std::string WithoutScheme(const std::string& url) {
  const auto at = url.find("://");
  return at == std::string::npos ? url : url.substr(at + 3);
}

std::string AddressOf(const dm::Master& master) {
  const auto& urls = master.client_urls.empty() ? master.peer_urls : master.client_urls;
  return urls.empty() ? "" : WithoutScheme(urls.front());
}

}  // namespace

std::string Ghost::Words() const {
  return fmt::format("{} {} ({}{}{})", topology::Name(component),
                     name.empty() ? "without a name" : name, address, address.empty() ? "" : ", ",
                     stage);
}

std::vector<Ghost> GhostsOf(const topology::Cluster& cluster, const dm::Members& members) {
  std::vector<Ghost> ghosts;
  for (const auto& master : members.masters) {
    if (IsKnown(cluster, Component::kDmMaster, master.name)) continue;
    ghosts.push_back({Component::kDmMaster, master.name, AddressOf(master),
                      master.alive ? "alive" : "not alive"});
  }
  for (const auto& worker : members.workers) {
    if (IsKnown(cluster, Component::kDmWorker, worker.name)) continue;
    ghosts.push_back({Component::kDmWorker, worker.name, worker.addr, worker.stage});
  }
  return ghosts;
}

std::string GhostQuorumProblem(const std::vector<Ghost>& ghosts, const dm::Members& members) {
  std::vector<topology::Instance> masters;
  for (const auto& ghost : ghosts) {
    if (ghost.component != Component::kDmMaster) continue;
    masters.emplace_back().name = ghost.name;
  }
  std::vector<const topology::Instance*> leaving;
  for (const auto& master : masters) leaving.push_back(&master);
  return QuorumProblem(leaving, members, /*force=*/true);
}

}  // namespace dmgr::members
