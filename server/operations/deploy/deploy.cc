#include "server/operations/deploy/deploy.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/ids.h"
#include "common/labels.h"
#include "common/messages.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/checks.h"
#include "server/clusters/cluster_key.h"
#include "server/clusters/cluster_roots.h"
#include "server/clusters/cluster_tls.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/clusters/workspace.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/submit.h"
#include "server/operations/deploy/plan.h"
#include "server/store/cluster_store.h"
#include "server/store/package_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using topology::Problem;

// What a deploy is checked against.
struct Known {
  std::vector<topology::MachineRef> machines;
  std::vector<std::pair<std::string, std::string>> identities;
  std::vector<topology::Occupied> occupied;
  v1::Package package;
};

absl::StatusOr<Known> LoadKnown(const Resources& resources, const std::string& cluster_name,
                                const std::string& version) {
  Known known;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    known = Known{};
    if (store::GetCluster(tx, cluster_name).ok()) {
      return Error(absl::StatusCode::kAlreadyExists, "CLUSTER_EXISTS", "cluster {} exists already",
                   cluster_name)
          .With("cluster", cluster_name)
          .Remedy("choose another name, or destroy it")
          .Next(v1::ACTION_DESTROY_CLUSTER, {{"cluster_name", cluster_name}});
    }
    ASSIGN_OR_RETURN(known.package, store::GetPackage(tx, version));
    RETURN_IF_ERROR(clusters::ListMachineRefs(tx, &known.machines, &known.identities));
    ASSIGN_OR_RETURN(known.occupied, store::ListOccupied(tx));
    return absl::OkStatus();
  }));
  return known;
}

// Takes the Grafana password out of the request: it is kept sealed, and nowhere else.
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

absl::Status AddSecrets(const Resources& resources, const std::string& grafana_password,
                        const v1::Authority& authority, store::ClusterRecord* record) {
  const std::string& uuid = record->cluster.uuid;
  RETURN_IF_ERROR(clusters::MakeClusterKey(resources, record));
  record->sealed_grafana_password =
      resources.secrets->Seal(grafana_password, clusters::GrafanaContext(uuid));
  clusters::SealOptions(resources, record);
  return record->cluster.enable_tls ? clusters::MakeClusterTls(resources, authority, record)
                                    : absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Operation> DeployCluster(const Resources& resources,
                                            const v1::DeployClusterRequest& request,
                                            const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(Known known, LoadKnown(resources, request.cluster_name(), request.version()));

  RETURN_IF_ERROR(CheckLabels("", request.description(), request.labels()));
  std::vector<Problem> problems;
  topology::ExpandInput input;
  input.topology = request.topology();
  const std::string grafana_password =
      TakeGrafanaPassword(&input.topology, request.grafana_admin_password(), &problems);
  input.cluster_name = request.cluster_name();
  input.version = request.version();
  input.cluster_path =
      request.cluster_path().empty() ? resources.cluster_path : request.cluster_path();
  input.skip_create_user = request.skip_create_user();
  input.user_login = request.user_login();
  input.grafana_admin_user = request.grafana_admin_user();
  input.package_arch = known.package.arch();
  input.package_lacks = clusters::LackingIn(known.package);
  input.machines = known.machines;
  input.occupied = known.occupied;
  store::ClusterRecord record;
  record.topology = input.topology;
  Redact(&record.topology);
  record.description = request.description();
  record.labels = request.labels();
  record.cluster = topology::Expand(input, &problems);
  if (!clusters::IsBelow(resources.cluster_roots, input.cluster_path)) {
    problems.push_back(
        {"cluster_path",
         fmt::format("must be one of dmgrd's [paths] cluster_roots, or below one: {}",
                     fmt::join(resources.cluster_roots, ", "))});
  }
  if (request.has_authority() && !record.cluster.enable_tls) {
    problems.push_back({"authority", "is for a cluster with enable_tls in global"});
  }
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  record.cluster.uuid = NewUuid();
  RETURN_IF_ERROR(
      clusters::CheckClusterDirFree(ClusterDir(record.cluster.cluster_path, record.cluster.name)));
  RETURN_IF_ERROR(AddSecrets(resources, grafana_password, request.authority(), &record));
  RETURN_IF_ERROR(clusters::CheckRender(resources, record));
  RETURN_IF_ERROR(PreflightDeploy(resources, record.cluster, known.package, record.cluster));

  return Submit(
      resources, request, caller,
      {.plan = PlanDeploy(record.cluster, known.package), .store = [&](store::Transaction& tx) {
         return store::InsertCluster(tx, record, known.identities);
       }});
}

}  // namespace dmgr::operations
