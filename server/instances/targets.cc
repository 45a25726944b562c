#include "server/instances/targets.h"

#include <algorithm>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/operations/calls/require.h"

namespace dmgr::instances {
namespace {

bool IsOn(const topology::Instance& instance, const std::string& host) {
  return instance.host == host || instance.manage_host == host || instance.machine_id == host;
}

// Leaves those on the hosts.
absl::Status KeepHosts(const v1::HostSelection& where, Targets* targets) {
  if (where.hosts().empty()) return absl::OkStatus();
  const std::string& cluster = targets->record.cluster.name;
  for (int i = 0; i < where.hosts_size(); ++i) {
    const bool known = std::ranges::any_of(
        targets->instances, [&](const auto& instance) { return IsOn(instance, where.hosts(i)); });
    if (known) continue;
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "no instance of cluster {} that is selected is on {}", cluster, where.hosts(i))
        .Field(fmt::format("where.hosts[{}]", i), "no host of the cluster has this name")
        .Remedy("see where its instances are")
        .Next(v1::ACTION_GET_CLUSTER, {{"cluster_name", cluster}});
  }
  std::erase_if(targets->instances, [&](const auto& instance) {
    return std::ranges::none_of(where.hosts(),
                                [&](const std::string& host) { return IsOn(instance, host); });
  });
  return absl::OkStatus();
}

void AddHosts(Targets* targets) {
  for (const auto& instance : targets->instances) {
    const bool known = std::ranges::any_of(
        targets->hosts, [&](const auto& host) { return host.machine_id() == instance.machine_id; });
    if (known) continue;
    auto& host = targets->hosts.emplace_back();
    host.set_machine_id(instance.machine_id);
    host.set_host(instance.host);
  }
}

}  // namespace

std::size_t Targets::HostOf(const topology::Instance& instance) const {
  const auto found = std::ranges::find_if(
      hosts, [&](const auto& host) { return host.machine_id() == instance.machine_id; });
  return static_cast<std::size_t>(found - hosts.begin());
}

absl::StatusOr<Targets> FindTargets(const Resources& resources, const std::string& cluster_name,
                                    const v1::HostSelection& where) {
  Targets targets;
  ASSIGN_OR_RETURN(targets.record, clusters::FindCluster(resources, cluster_name));
  ASSIGN_OR_RETURN(const auto selected,
                   operations::SelectInstances(targets.record.cluster, where.selection()));
  for (const auto* instance : selected) targets.instances.push_back(*instance);
  RETURN_IF_ERROR(KeepHosts(where, &targets));
  AddHosts(&targets);
  return targets;
}

absl::StatusOr<Targets> FindTargets(const Resources& resources, const std::string& cluster_name,
                                    const v1::Selection& selection) {
  v1::HostSelection where;
  *where.mutable_selection() = selection;
  return FindTargets(resources, cluster_name, where);
}

}  // namespace dmgr::instances
