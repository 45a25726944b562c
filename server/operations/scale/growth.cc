#include "server/operations/scale/growth.h"

#include "common/error.h"
#include "server/clusters/checks.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/members/rules.h"
#include "server/operations/calls/preflight.h"
#include "server/store/borrowed_store.h"
#include "server/store/package_store.h"
#include "server/store/patch_store.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;

// What Expand takes, but for the topology; also what is stored with the addition.
absl::StatusOr<topology::ExpandInput> LoadAround(const Resources& resources,
                                                 const store::ClusterRecord& record, Grown* grown) {
  topology::ExpandInput input;
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    input = topology::ExpandInput{};
    grown->identities.clear();
    ASSIGN_OR_RETURN(grown->package, store::GetPackage(tx, record.cluster.version));
    RETURN_IF_ERROR(clusters::ListMachineRefs(tx, &input.machines, &grown->identities));
    ASSIGN_OR_RETURN(input.occupied, store::ListOccupied(tx));
    return absl::OkStatus();
  }));
  input.cluster_name = record.cluster.name;
  input.version = record.cluster.version;
  input.cluster_path = record.cluster.cluster_path;
  input.skip_create_user = record.cluster.skip_create_user;
  input.user_login = record.cluster.user_login;
  input.package_arch = grown->package.arch();
  input.package_lacks = clusters::LackingIn(grown->package);
  input.existing = &record.cluster;
  input.existing_topology = record.topology;
  return input;
}

}  // namespace

HostRules HostsAroundGrowth() {
  return {.skip_unreachable = true, .needs_majority = true, .behind = Behind::kIsRepaired};
}

absl::StatusOr<Grown> Grow(const Resources& resources, const store::ClusterRecord& record,
                           const v1::Topology& asked, std::vector<topology::Problem>* problems) {
  Grown grown;
  ASSIGN_OR_RETURN(auto input, LoadAround(resources, record, &grown));
  input.topology = asked;
  *input.topology.mutable_global() = record.topology.global();
  *input.topology.mutable_server_configs() = record.topology.server_configs();
  if (record.topology.has_monitored()) {
    *input.topology.mutable_monitored() = record.topology.monitored();
  }
  for (const auto* grafana : record.cluster.Of(Component::kGrafana)) {
    input.grafana_admin_user = grafana->grafana_user;
    // Those of server_configs are with each Grafana, and not with the topology.
    for (auto& server : *input.topology.mutable_grafana_servers()) {
      topology::KeepSecrets(grafana->grafana, &server);
    }
  }
  grown.fresh = topology::Expand(input, problems);
  if (!problems->empty()) return grown;
  grown.fresh.uuid = record.cluster.uuid;
  grown.fresh.user = record.cluster.user;
  grown.fresh.group = record.cluster.group;
  grown.record = record;
  for (auto& one : grown.fresh.borrowed) {
    one.membership = topology::Membership::kJoining;
    grown.record.cluster.borrowed.push_back(one);
  }
  for (auto& instance : grown.fresh.instances) {
    instance.membership = topology::Membership::kJoining;
    grown.record.cluster.instances.push_back(instance);
  }
  v1::Topology shown = asked;
  topology::RemoveWriteOnly(&shown);
  topology::AppendServers(shown, &grown.record.topology);
  if (shown.has_monitored()) *grown.record.topology.mutable_monitored() = shown.monitored();
  clusters::SealOptions(resources, &grown.record);
  RETURN_IF_ERROR(clusters::CheckRender(resources, grown.record));
  return grown;
}

absl::Status RequireRunning(const store::ClusterRecord& record) {
  if (record.state != v1::CLUSTER_STATE_OFFLINE) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_OFFLINE",
               "cluster {} is stopped: who joins must find it running", record.cluster.name)
      .With("cluster", record.cluster.name)
      .Remedy("start it")
      .Next(v1::ACTION_START_CLUSTER, {{"cluster_name", record.cluster.name}});
}

absl::Status LookAtHosts(const Resources& resources, const Grown& grown,
                         const topology::Cluster& reached) {
  const topology::Cluster& whole = grown.record.cluster;
  RETURN_IF_ERROR(PreflightDeploy(resources, grown.fresh, grown.package, whole));
  std::vector<const Instance*> there;
  for (const auto& instance : reached.instances) there.push_back(&instance);
  return PreflightStart(resources, whole, there, clusters::Reach::kDm);
}

absl::Status NotReady(const std::string& cluster, const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, "DM_NOT_HEALTHY",
               "nothing can be added to cluster {} now: {}", cluster, why)
      .With("cluster", cluster)
      .Remedy(members::UnlessElecting("see what is wrong with it"))
      .Next(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", cluster}});
}

absl::Status StoreGrown(store::Transaction& tx, const Grown& grown) {
  const store::ClusterRecord& record = grown.record;
  const std::string& name = record.cluster.name;
  std::vector<std::string> names;
  for (const auto& instance : grown.fresh.instances) names.push_back(instance.name);
  RETURN_IF_ERROR(store::InsertInstances(tx, name, grown.fresh.instances, grown.identities));
  RETURN_IF_ERROR(store::InsertBorrowed(tx, name, grown.fresh.borrowed, grown.identities));
  RETURN_IF_ERROR(store::AdoptRolePatches(tx, name, names));
  return store::SetTopology(tx, name, record.topology, record.sealed_options);
}

}  // namespace dmgr::operations
