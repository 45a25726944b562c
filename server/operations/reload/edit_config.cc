#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "common/messages.h"
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

std::vector<std::string> NamesOf(const topology::Cluster& cluster) {
  std::vector<std::string> names;
  for (const auto& instance : cluster.instances) names.push_back(instance.name);
  return names;
}

void AddMonitoring(const topology::Cluster& cluster, std::vector<std::string>* names) {
  for (const auto& instance : cluster.instances) {
    const bool is_known = std::find(names->begin(), names->end(), instance.name) != names->end();
    if (!instance.IsDm() && !is_known) names->push_back(instance.name);
  }
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
  topology::CheckMonitored(base.topology, *full, &problems);
  topology::CheckFixed(record.cluster, wanted.cluster, *full, &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  wanted.topology = *full;
  Redact(&wanted.topology);
  return wanted;
}

absl::Status CheckEtag(const std::string& etag, const store::ClusterRecord& record) {
  if (etag.empty() || etag == clusters::ConfigEtag(record)) return absl::OkStatus();
  return Changed(record.cluster.name);
}

// What was checked, if nobody else was faster.
struct ConfigChange {
  const store::ClusterRecord& record;
  const store::ClusterRecord& wanted;
  const std::string sealed;
  const std::vector<std::string>& changed;
};

absl::Status Store(store::Transaction& tx, const Resources& resources, const ConfigChange& change) {
  const std::string& name = change.record.cluster.name;
  RETURN_IF_ERROR(store::LockCluster(tx, name));
  ASSIGN_OR_RETURN(const auto now, store::GetCluster(tx, name));
  RETURN_IF_ERROR(CheckEtag(clusters::ConfigEtag(change.record), now));
  if (!change.changed.empty()) {
    return store::SetPending(tx, name, change.wanted.topology, change.sealed, change.changed);
  }
  // The same files in other words.
  RETURN_IF_ERROR(store::DropPending(tx, name));
  return clusters::ApplyDesired(tx, resources, change.wanted, NamesOf(change.wanted.cluster));
}

}  // namespace

absl::Status UpdateClusterTopology(const Resources& resources,
                                   const v1::UpdateClusterTopologyRequest& request,
                                   const store::Finish& finish,
                                   v1::UpdateClusterTopologyResponse* response) {
  const std::string& name = request.cluster_name();
  if (!request.has_topology()) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "there is no topology")
        .Field("topology", "must be set")
        .Remedy("send the whole of it; what waits for a reload is dropped by another call")
        .Next(v1::ACTION_DISCARD_PENDING_TOPOLOGY, {{"cluster_name", name}});
  }
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, name));
  RETURN_IF_ERROR(RequireDeployed(record));
  RETURN_IF_ERROR(RequireOwn(record));
  RETURN_IF_ERROR(CheckEtag(request.topology_etag(), record));
  RETURN_IF_ERROR(clusters::OpenOptions(resources, &record));
  const bool renews = record.secrets_forgotten;
  if (renews) clusters::RenewSecrets(resources, &record);
  v1::Topology full;
  ASSIGN_OR_RETURN(const auto wanted, Wanted(resources, record, request.topology(), &full));
  ASSIGN_OR_RETURN(auto changed, ChangedInstances(resources, record, wanted));
  // What their hosts have is not known here any more.
  if (renews) AddMonitoring(wanted.cluster, &changed);
  const ConfigChange change{record, wanted, clusters::SealPending(resources, record, full),
                            changed};
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(Store(tx, resources, change));
    if (renews) {
      RETURN_IF_ERROR(store::SetSecretsGiven(tx, name, record.sealed_grafana_password));
    }
    ASSIGN_OR_RETURN(const auto stored, store::GetCluster(tx, name));
    response->Clear();
    *response->mutable_cluster() = clusters::ToApi(stored);
    *response->mutable_changed_instances() = {changed.begin(), changed.end()};
    return finish(tx, *response);
  });
}

absl::Status DiscardPendingTopology(const Resources& resources,
                                    const v1::DiscardPendingTopologyRequest& request,
                                    const store::Finish& finish,
                                    v1::DiscardPendingTopologyResponse* response) {
  const std::string& name = request.cluster_name();
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::LockCluster(tx, name));
    ASSIGN_OR_RETURN(auto record, store::GetCluster(tx, name));
    RETURN_IF_ERROR(RequireDeployed(record));
    RETURN_IF_ERROR(CheckEtag(request.topology_etag(), record));
    RETURN_IF_ERROR(store::DropPending(tx, name));
    ASSIGN_OR_RETURN(record, store::GetCluster(tx, name));
    *response->mutable_cluster() = clusters::ToApi(record);
    return finish(tx, *response);
  });
}

}  // namespace dmgr::operations
