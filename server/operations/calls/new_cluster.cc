#include "server/operations/calls/new_cluster.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/error.h"
#include "server/clusters/checks.h"
#include "server/clusters/cluster_key.h"
#include "server/clusters/cluster_roots.h"
#include "server/clusters/record.h"
#include "server/store/package_store.h"

namespace dmgr::operations {

using topology::Problem;

absl::StatusOr<AroundNew> LoadAroundNew(const Resources& resources, const std::string& cluster_name,
                                        const std::optional<std::string>& version) {
  AroundNew around;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    around = AroundNew{};
    if (store::GetCluster(tx, cluster_name).ok()) {
      return Error(absl::StatusCode::kAlreadyExists, "CLUSTER_EXISTS", "cluster {} exists already",
                   cluster_name)
          .With("cluster", cluster_name)
          .Remedy("choose another name, or destroy it")
          .Next(v1::ACTION_DESTROY_CLUSTER, {{"cluster_name", cluster_name}});
    }
    if (version.has_value()) {
      ASSIGN_OR_RETURN(around.package, store::GetPackage(tx, *version));
    }
    RETURN_IF_ERROR(clusters::ListMachineRefs(tx, &around.machines, &around.identities));
    ASSIGN_OR_RETURN(around.occupied, store::ListOccupied(tx));
    return absl::OkStatus();
  }));
  return around;
}

std::string TakeGrafanaPassword(v1::Topology* topology, const std::string& asked,
                                std::vector<Problem>* problems) {
  std::string password = asked;
  for (int i = 0; i < topology->grafana_servers_size(); ++i) {
    auto* server = topology->mutable_grafana_servers(i);
    if (server->password().empty()) continue;
    if (!password.empty() && password != server->password()) {
      problems->push_back({fmt::format("topology.grafana_servers[{}].password", i),
                           "differs from the password of another Grafana of the cluster"});
    }
    password = server->password();
    server->clear_password();
  }
  if (password.find('\n') != std::string::npos || password.find('\0') != std::string::npos) {
    problems->push_back({"grafana_admin_password", "must be one line"});
  }
  return password.empty() ? "admin" : password;
}

void CheckClusterPath(const Resources& resources, const std::string& cluster_path,
                      std::vector<Problem>* problems) {
  if (clusters::IsBelow(resources.cluster_roots, cluster_path)) return;
  problems->push_back(
      {"cluster_path", fmt::format("must be one of dmgrd's [paths] cluster_roots, or below one: {}",
                                   fmt::join(resources.cluster_roots, ", "))});
}

absl::Status AddSecrets(const Resources& resources, const std::string& grafana_password,
                        store::ClusterRecord* record) {
  const std::string& uuid = record->cluster.uuid;
  RETURN_IF_ERROR(clusters::MakeClusterKey(resources, record));
  record->sealed_grafana_password =
      resources.secrets->Seal(grafana_password, clusters::GrafanaContext(uuid));
  clusters::SealOptions(resources, record);
  return absl::OkStatus();
}

}  // namespace dmgr::operations
