#include "server/operations/deploy/deploy.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/ids.h"
#include "server/clusters/desired.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/clusters/workspace.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/submit.h"
#include "server/operations/patch/patch.h"
#include "server/operations/plan/units.h"
#include "server/store/machine_store.h"
#include "server/store/package_store.h"

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

absl::StatusOr<Known> LoadKnown(const Services& services, const std::string& cluster_name,
                                const std::string& version) {
  Known known;
  RETURN_IF_ERROR(services.database->Read([&](store::Transaction& tx) -> absl::Status {
    known = Known{};
    if (store::GetCluster(tx, cluster_name).ok()) {
      return Error(absl::StatusCode::kAlreadyExists, "CLUSTER_EXISTS", "cluster {} exists already",
                   cluster_name)
          .With("cluster", cluster_name)
          .Remedy("choose another name, or destroy it: dmgrctl cluster destroy " + cluster_name);
    }
    ASSIGN_OR_RETURN(known.package, store::GetPackage(tx, version));
    RETURN_IF_ERROR(ListMachineRefs(tx, &known.machines, &known.identities));
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

absl::Status AddSecrets(const Services& services, const std::string& grafana_password,
                        store::ClusterRecord* record) {
  const std::string& uuid = record->cluster.uuid;
  ASSIGN_OR_RETURN(auto keys, ssh::GenerateKeyPair("dmgr:" + record->cluster.name + ":" + uuid));
  record->public_key = keys.public_key;
  record->sealed_private_key = services.secrets->Seal(keys.private_key, ClusterKeyContext(uuid));
  record->sealed_grafana_password = services.secrets->Seal(grafana_password, GrafanaContext(uuid));
  SealOptions(services, record);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Operation> DeployCluster(const Services& services,
                                            const v1::DeployClusterRequest& request,
                                            const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(Known known, LoadKnown(services, request.cluster_name(), request.version()));

  std::vector<Problem> problems;
  topology::ExpandInput input;
  input.topology = request.topology();
  const std::string grafana_password =
      TakeGrafanaPassword(&input.topology, request.grafana_admin_password(), &problems);
  input.cluster_name = request.cluster_name();
  input.version = request.version();
  input.cluster_path =
      request.cluster_path().empty() ? services.cluster_path : request.cluster_path();
  input.skip_create_user = request.skip_create_user();
  input.grafana_admin_user = request.grafana_admin_user();
  input.package_arch = known.package.arch();
  input.machines = known.machines;
  input.occupied = known.occupied;
  store::ClusterRecord record;
  record.topology = input.topology;
  topology::RemoveWriteOnly(&record.topology);
  record.cluster = topology::Expand(input, &problems);
  if (!problems.empty()) return InvalidTopology(problems);
  record.cluster.uuid = NewUuid();
  RETURN_IF_ERROR(
      CheckClusterDirFree(ClusterDir(record.cluster.cluster_path, record.cluster.name)));
  RETURN_IF_ERROR(AddSecrets(services, grafana_password, &record));
  RETURN_IF_ERROR(CheckRender(services, record));
  RETURN_IF_ERROR(PreflightDeploy(services, record.cluster, known.package));

  return Submit(services, request, caller, PlanDeploy(record.cluster, known.package),
                /*supersede=*/false, [&](store::Transaction& tx) {
                  return store::InsertCluster(tx, record, known.identities);
                });
}

absl::StatusOr<v1::Operation> StartCluster(const Services& services,
                                           const v1::StartClusterRequest& request,
                                           const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, FindCluster(services, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  // What was never joined is not part of it.
  record.cluster = topology::MembersOf(record.cluster);
  ASSIGN_OR_RETURN(auto instances, SelectInstances(record.cluster, request.selection()));
  const engine::Plan plan = PlanStart(record.cluster, instances);
  // A cluster that another operation holds is not looked at: the store refuses it, by name.
  if (record.active_operation_id.empty()) {
    RETURN_IF_ERROR(PreflightStart(services, record.cluster, instances));
  }
  return Submit(services, request, caller, plan, /*supersede=*/false);
}

absl::StatusOr<v1::Operation> StopCluster(const Services& services,
                                          const v1::StopClusterRequest& request,
                                          const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, FindCluster(services, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  ASSIGN_OR_RETURN(auto instances, SelectInstances(record.cluster, request.selection()));
  const bool whole = instances.size() == record.cluster.instances.size();
  // A part that is stopped does not take away that the operation which holds the cluster can be
  // resumed.
  return Submit(services, request, caller, PlanStop(record.cluster, instances, whole), whole);
}

absl::StatusOr<v1::Operation> DestroyCluster(const Services& services,
                                             const v1::DestroyClusterRequest& request,
                                             const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, FindCluster(services, request.cluster_name()));
  std::vector<std::string> surveyed;
  bool has_patches = false;
  RETURN_IF_ERROR(services.database->Read([&](store::Transaction& tx) -> absl::Status {
    surveyed.clear();
    ASSIGN_OR_RETURN(auto records, store::ListHostRecords(tx, request.cluster_name()));
    for (const auto& host : records) surveyed.push_back(host.machine_id);
    v1::Cluster cluster;
    RETURN_IF_ERROR(FillPatches(tx, record, &cluster));
    has_patches = !cluster.patches().empty();
    return absl::OkStatus();
  }));
  return Submit(services, request, caller, PlanDestroy(record.cluster, surveyed, has_patches),
                /*supersede=*/true);
}

v1::Operation ToApi(const store::OperationRecord& record) {
  v1::Operation operation = record.operation;
  operation.clear_steps();
  for (const auto& step : record.steps) *operation.add_steps() = step.step;
  return operation;
}

v1::Cluster ToApi(const store::ClusterRecord& record) {
  v1::Cluster cluster;
  cluster.set_name(record.cluster.name);
  cluster.set_uuid(record.cluster.uuid);
  cluster.set_version(record.cluster.version);
  cluster.set_state(record.state);
  cluster.set_user(record.cluster.user);
  cluster.set_group(record.cluster.group);
  cluster.set_cluster_path(record.cluster.cluster_path);
  cluster.mutable_create_time()->set_seconds(absl::ToUnixSeconds(record.create_time));
  cluster.mutable_update_time()->set_seconds(absl::ToUnixSeconds(record.update_time));
  cluster.set_active_operation_id(record.active_operation_id);
  *cluster.mutable_topology() = record.topology;
  if (record.pending_topology.has_value()) {
    *cluster.mutable_pending_topology() = *record.pending_topology;
  }
  cluster.set_topology_etag(ConfigEtag(record));
  for (const auto& instance : record.cluster.instances) {
    auto* out = cluster.add_instances();
    out->set_name(instance.name);
    out->set_component(std::string(topology::Name(instance.component)));
    out->set_host(instance.host);
    out->set_machine_id(instance.machine_id);
    out->set_port(static_cast<std::uint32_t>(instance.port));
    out->set_peer_port(static_cast<std::uint32_t>(instance.peer_port));
    out->set_cluster_port(static_cast<std::uint32_t>(instance.cluster_port));
    out->set_deploy_dir(instance.deploy_dir);
    out->set_data_dir(instance.data_dir);
    out->set_log_dir(instance.log_dir);
    out->set_unit(instance.Unit());
    out->set_patch_id(instance.patch);
    out->set_joining(instance.membership == topology::Membership::kJoining);
    out->set_hotfix(HotfixOf(record, instance.name));
  }
  return cluster;
}

}  // namespace dmgr::operations
