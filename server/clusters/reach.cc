#include "server/clusters/reach.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "common/address.h"
#include "common/components/traits.h"

namespace dmgr::clusters {
namespace {

using components::ConfigKind;
using components::DmRole;
using components::PortUse;
using topology::Instance;

constexpr std::uint32_t kReachTimeoutMs = 3000;

// Which ports of an instance another one connects to.
std::vector<int> PortsUsed(const Instance& from, const Instance& to, Reach reach) {
  const components::Traits& own = components::TraitsOf(from.component);
  const components::Traits& other = components::TraitsOf(to.component);
  if (own.dm_role == DmRole::kMaster && other.dm_role == DmRole::kMaster) return to.Ports();
  if (own.dm_role != DmRole::kNone && other.dm_role == DmRole::kMaster) return {to.port};
  if (own.dm_role == DmRole::kMaster && other.dm_role == DmRole::kWorker) return {to.port};
  if (reach == Reach::kDm) return {};
  switch (own.config) {
    case ConfigKind::kPrometheus:
      // What it sends alerts to and what is alerted about; how Grafana does matters to nobody.
      if (to.IsDm() || other.config == ConfigKind::kAlertmanager) return {to.port};
      return {};
    case ConfigKind::kGrafana:
      if (other.config == ConfigKind::kPrometheus) return {to.port};
      return {};
    case ConfigKind::kAlertmanager:
      if (other.config == ConfigKind::kAlertmanager) return {to.PortFor(PortUse::kCluster)};
      return {};
    case ConfigKind::kDmToml:
    case ConfigKind::kFlags:
      return {};
  }
  return {};
}

std::string ReasonOf(const hv1::PortProblem& problem, std::uint32_t timeout_ms) {
  return problem.kind() == hv1::PortProblem::KIND_NO_ANSWER
             ? fmt::format("no answer in {} s", timeout_ms / 1000)
             : problem.text();
}

}  // namespace

hv1::ReachPorts PortsToReach(const topology::Cluster& cluster,
                             const std::vector<const Instance*>& from, Reach reach) {
  // Host, port, whether it is the machine's own.
  std::set<std::tuple<std::string, int, bool>> targets;
  for (const Instance* one : from) {
    for (const Instance& other : cluster.instances) {
      if (other.machine_id == one->machine_id) continue;
      for (const int port : PortsUsed(*one, other, reach)) targets.emplace(other.host, port, false);
    }
    if (reach == Reach::kAll || one->IsDm()) targets.emplace(one->host, one->port, true);
  }
  hv1::ReachPorts asked;
  asked.set_timeout_ms(kReachTimeoutMs);
  for (const auto& [host, port, own] : targets) {
    auto* target = asked.add_targets();
    target->set_host(host);
    target->set_port(static_cast<std::uint32_t>(port));
    target->set_own(own);
  }
  return asked;
}

std::vector<Unreached> UnreachedOf(const topology::Cluster& cluster, const hv1::ReachPorts& asked,
                                   const hv1::ReachPortsReply& reply) {
  std::map<std::string, std::string> machines;
  for (const Instance& one : cluster.instances) machines.emplace(one.host, one.machine_id);
  using Kind = hv1::PortProblem::Kind;
  std::map<std::tuple<std::string, Kind, std::string>, std::set<std::uint32_t>> ports;
  for (const auto& problem : reply.problems()) {
    ports[{problem.target().host(), problem.kind(), ReasonOf(problem, asked.timeout_ms())}].insert(
        problem.target().port());
  }
  std::vector<Unreached> unreached;
  for (const auto& [key, numbers] : ports) {
    const auto& [host, kind, reason] = key;
    Unreached one{.machine = machines[host], .text = ""};
    if (kind == hv1::PortProblem::KIND_NAME_UNKNOWN) {
      one.text = fmt::format("cannot resolve the name {}", host);
      // The host is there, whoever cannot be asked about it.
      one.machine.clear();
    } else if (kind == hv1::PortProblem::KIND_LEADS_BACK) {
      one.text = fmt::format("takes the name {}, of another host, for itself", host);
      one.machine.clear();
    } else {
      const auto first = JoinHostPort(host, static_cast<int>(*numbers.begin()));
      const std::vector<std::uint32_t> more(std::next(numbers.begin()), numbers.end());
      one.text = fmt::format("cannot reach {}{}{} ({})", first, more.empty() ? "" : ", ",
                             fmt::join(more, ", "), reason);
    }
    unreached.push_back(std::move(one));
  }
  return unreached;
}

}  // namespace dmgr::clusters
