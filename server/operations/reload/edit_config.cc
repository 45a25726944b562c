#include <fmt/format.h>

#include "common/error.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/clusters/checks.h"
#include "server/clusters/desired.h"
#include "server/clusters/record.h"
#include "server/clusters/to_api.h"
#include "server/operations/calls/require.h"
#include "server/operations/reload/reload.h"
#include "server/operations/steps/host_files.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_config_store.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using topology::Problem;

absl::Status Changed(const std::string& cluster) {
  return Error(absl::StatusCode::kAborted, "CONFIGURATION_CHANGED",
               "the configuration of cluster {} was changed since it was read", cluster)
      .With("cluster", cluster)
      .Remedy("read it again, and make the change there");
}

void RefusePasswords(const v1::Topology& topology, std::vector<Problem>* problems) {
  for (int i = 0; i < topology.grafana_servers_size(); ++i) {
    if (topology.grafana_servers(i).password().empty()) continue;
    problems->push_back({fmt::format("topology.grafana_servers[{}].password", i),
                         "Grafana keeps its accounts in its own data: change the password there, "
                         "and leave this out"});
  }
}

// Instances whose files are other ones in the second record.
absl::StatusOr<std::vector<std::string>> ChangedInstances(const Resources& resources,
                                                          const store::ClusterRecord& now,
                                                          const store::ClusterRecord& then) {
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(now)));
  std::vector<std::string> changed;
  for (const auto& instance : now.cluster.instances) {
    ASSIGN_OR_RETURN(const auto old, RenderNamed(resources, now, instance.name, files));
    ASSIGN_OR_RETURN(const auto fresh, RenderNamed(resources, then, instance.name, files));
    if (!IsSame(old, fresh)) changed.push_back(instance.name);
  }
  return changed;
}

std::vector<std::string> NamesOf(const topology::Cluster& cluster) {
  std::vector<std::string> names;
  for (const auto& instance : cluster.instances) names.push_back(instance.name);
  return names;
}

// What is asked for, checked: the record as it would be, and its whole topology in *full.
absl::StatusOr<store::ClusterRecord> Wanted(const Resources& resources,
                                            const store::ClusterRecord& record,
                                            const v1::Topology& asked, v1::Topology* full) {
  ASSIGN_OR_RETURN(const auto base, clusters::DesiredRecord(resources, record));
  *full = asked;
  std::vector<Problem> problems;
  RefusePasswords(*full, &problems);
  topology::KeepWriteOnly(base.cluster, base.topology, full);
  store::ClusterRecord wanted = record;
  ASSIGN_OR_RETURN(wanted.cluster, clusters::ExpandChanged(resources, record, *full, &problems));
  topology::CheckFixed(record.cluster, wanted.cluster, *full, &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  wanted.topology = *full;
  topology::RemoveWriteOnly(&wanted.topology);
  return wanted;
}

// Stores what was checked, if nobody else was faster.
absl::Status Store(const Resources& resources, const store::ClusterRecord& record,
                   const store::ClusterRecord& wanted, const std::string& sealed,
                   const std::vector<std::string>& changed) {
  const std::string& name = record.cluster.name;
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::LockCluster(tx, name));
    ASSIGN_OR_RETURN(const auto now, store::GetCluster(tx, name));
    if (clusters::ConfigEtag(now) != clusters::ConfigEtag(record)) return Changed(name);
    if (!changed.empty()) return store::SetPending(tx, name, wanted.topology, sealed, changed);
    // The same files in other words.
    RETURN_IF_ERROR(store::DropPending(tx, name));
    return clusters::ApplyDesired(tx, resources, wanted, NamesOf(wanted.cluster));
  });
}

absl::StatusOr<v1::UpdateClusterTopologyResponse> Answer(const Resources& resources,
                                                         const std::string& cluster,
                                                         std::vector<std::string> changed) {
  v1::UpdateClusterTopologyResponse response;
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  *response.mutable_cluster() = clusters::ToApi(record);
  for (auto& name : changed) response.add_changed_instances(std::move(name));
  return response;
}

}  // namespace

absl::StatusOr<v1::UpdateClusterTopologyResponse> UpdateClusterTopology(
    const Resources& resources, const v1::UpdateClusterTopologyRequest& request) {
  const std::string& name = request.cluster_name();
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, name));
  RETURN_IF_ERROR(RequireDeployed(record));
  if (!request.topology_etag().empty() && request.topology_etag() != clusters::ConfigEtag(record)) {
    return Changed(name);
  }
  if (!request.has_topology()) {
    if (!request.validate_only()) {
      RETURN_IF_ERROR(resources.database->Transact(
          [&](store::Transaction& tx) { return store::DropPending(tx, name); }));
    }
    return Answer(resources, name, {});
  }
  RETURN_IF_ERROR(clusters::OpenOptions(resources, &record));
  v1::Topology full;
  ASSIGN_OR_RETURN(const auto wanted, Wanted(resources, record, request.topology(), &full));
  ASSIGN_OR_RETURN(const auto changed, ChangedInstances(resources, record, wanted));
  if (!request.validate_only()) {
    RETURN_IF_ERROR(
        Store(resources, record, wanted, clusters::SealPending(resources, record, full), changed));
  }
  return Answer(resources, name, changed);
}

}  // namespace dmgr::operations
