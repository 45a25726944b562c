#include "server/clusters/desired.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/package/archs.h"
#include "common/package/release.h"
#include "common/secret.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/checks.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/store/cluster_config_store.h"
#include "server/store/package_store.h"

namespace dmgr::clusters {
namespace {

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const topology::Instance* Find(const topology::Cluster& cluster, const std::string& name) {
  for (const auto& instance : cluster.instances) {
    if (instance.name == name) return &instance;
  }
  return nullptr;
}

// The one that DM would take for the same.
const topology::Instance* FindSame(const topology::Cluster& cluster,
                                   const topology::Instance& instance) {
  const auto found = std::ranges::find_if(cluster.instances, [&](const topology::Instance& one) {
    return one.component == instance.component && one.DmName() == instance.DmName();
  });
  return found == cluster.instances.end() ? nullptr : &*found;
}

}  // namespace

absl::StatusOr<topology::Cluster> ExpandChanged(const Resources& resources,
                                                const store::ClusterRecord& record,
                                                const v1::Topology& topology,
                                                std::vector<topology::Problem>* problems) {
  const topology::Cluster& now = record.cluster;
  topology::ExpandInput input;
  std::vector<std::pair<std::string, std::string>> identities;
  v1::Package package;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    input = topology::ExpandInput{};
    ASSIGN_OR_RETURN(package, store::GetPackage(tx, now.version));
    RETURN_IF_ERROR(ListMachineRefs(tx, &input.machines, &identities));
    ASSIGN_OR_RETURN(input.occupied, store::ListOccupied(tx));
    return absl::OkStatus();
  }));
  std::erase_if(input.occupied, [&](const auto& other) { return other.cluster == now.name; });
  input.topology = topology;
  input.cluster_name = now.name;
  input.version = now.version;
  input.cluster_path = now.cluster_path;
  input.skip_create_user = now.skip_create_user;
  input.user_login = now.user_login;
  input.as_tiup = record.origin != v1::CLUSTER_ORIGIN_UNSPECIFIED;
  input.package_archs = package::ArchsOf(package);
  input.package_lacks = LackingIn(package);
  input.current = &now;
  for (const auto* grafana : now.Of(topology::Component::kGrafana)) {
    input.grafana_admin_user = grafana->grafana_user;
  }
  topology::Cluster cluster = topology::Expand(input, problems);
  cluster.uuid = now.uuid;
  cluster.SetTls(now.tls);
  // What follows from the hosts, or from how older versions took it, stays.
  if (topology.global().group().empty()) cluster.group = now.group;
  for (auto& instance : cluster.instances) {
    const auto* old = FindSame(now, instance);
    if (old == nullptr) continue;
    instance.name = old->name;
    instance.membership = old->membership;
    instance.wanted_running = old->wanted_running;
    instance.wanted_enabled = old->wanted_enabled;
  }
  return cluster;
}

absl::StatusOr<store::ClusterRecord> DesiredRecord(const Resources& resources,
                                                   const store::ClusterRecord& record) {
  if (!record.pending_topology.has_value()) return record;
  ASSIGN_OR_RETURN(
      std::string opened,
      resources.secrets->Open(record.sealed_pending, PendingContext(record.cluster.uuid)));
  const WipeAtEnd wiped(&opened);
  v1::Topology topology;
  if (!topology.ParseFromString(opened)) {
    return Error(absl::StatusCode::kDataLoss, "TOPOLOGY_UNREADABLE",
                 "the pending configuration of cluster {} cannot be read", record.cluster.name)
        .With("cluster", record.cluster.name)
        .Remedy("drop it")
        .Next(v1::ACTION_DISCARD_PENDING_TOPOLOGY, {{"cluster_name", record.cluster.name}});
  }
  store::ClusterRecord desired = record;
  std::vector<topology::Problem> problems;
  ASSIGN_OR_RETURN(desired.cluster, ExpandChanged(resources, record, topology, &problems));
  if (!problems.empty()) {
    return Annotate(InvalidTopology(problems),
                    "the pending configuration of cluster " + record.cluster.name);
  }
  desired.topology = *record.pending_topology;
  return desired;
}

std::string SealPending(const Resources& resources, const store::ClusterRecord& record,
                        const v1::Topology& topology) {
  return resources.secrets->Seal(topology.SerializeAsString(), PendingContext(record.cluster.uuid));
}

std::string ConfigEtag(const store::ClusterRecord& record) {
  // Whatever is stored is sealed with a new nonce.
  return package::HashText(record.cluster.uuid + record.sealed_options + record.sealed_pending);
}

absl::Status ApplyDesired(store::Transaction& tx, const Resources& resources,
                          const store::ClusterRecord& desired,
                          const std::vector<std::string>& instances) {
  const std::string& name = desired.cluster.name;
  RETURN_IF_ERROR(store::LockCluster(tx, name));
  ASSIGN_OR_RETURN(auto record, store::GetCluster(tx, name));
  RETURN_IF_ERROR(OpenOptions(resources, &record));
  for (auto& instance : record.cluster.instances) {
    const auto* wanted = Find(desired.cluster, instance.name);
    if (wanted == nullptr || !Has(instances, instance.name)) continue;
    instance = *wanted;
    RETURN_IF_ERROR(store::SetInstanceConfig(tx, name, instance));
  }
  SealOptions(resources, &record);
  const bool all = std::all_of(record.needs_reload.begin(), record.needs_reload.end(),
                               [&](const std::string& one) { return Has(instances, one); });
  RETURN_IF_ERROR(store::SetTopology(tx, name, all ? desired.topology : record.topology,
                                     record.sealed_options));
  return all ? store::EndPending(tx, name) : absl::OkStatus();
}

}  // namespace dmgr::clusters
