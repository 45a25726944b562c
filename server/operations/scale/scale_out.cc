#include <fmt/format.h>

#include "absl/time/clock.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/checks.h"
#include "server/clusters/record.h"
#include "server/members/probe.h"
#include "server/members/rules.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/submit.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/scale.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/package_store.h"
#include "server/store/patch_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using topology::Problem;

constexpr absl::Duration kAskTimeout = absl::Seconds(5);

// The new instances, as a topology that Expand takes.
struct Addition {
  topology::ExpandInput input;
  std::vector<std::pair<std::string, std::string>> identities;
  v1::Package package;
};

// What belongs to the cluster as a whole is not changed by an addition.
void CheckAddition(const v1::Topology& topology, std::vector<Problem>* problems) {
  if (topology.has_global()) {
    problems->push_back({"topology.global", "stays as it was deployed: leave it out"});
  }
  if (topology.has_server_configs()) {
    problems->push_back({"topology.server_configs", "stays as it was deployed: leave it out"});
  }
  for (int i = 0; i < topology.grafana_servers_size(); ++i) {
    if (topology.grafana_servers(i).password().empty()) continue;
    problems->push_back({fmt::format("topology.grafana_servers[{}].password", i),
                         "is the cluster's: leave it out"});
  }
  v1::Topology none;
  topology::AppendServers(topology, &none);
  if (none.ByteSizeLong() == 0) problems->push_back({"topology", "has no new instance"});
}

absl::StatusOr<Addition> LoadAddition(const Resources& resources,
                                      const store::ClusterRecord& record,
                                      const v1::Topology& asked) {
  Addition addition;
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    addition = Addition{};
    ASSIGN_OR_RETURN(addition.package, store::GetPackage(tx, record.cluster.version));
    RETURN_IF_ERROR(clusters::ListMachineRefs(tx, &addition.input.machines, &addition.identities));
    ASSIGN_OR_RETURN(addition.input.occupied, store::ListOccupied(tx));
    return absl::OkStatus();
  }));
  topology::ExpandInput& input = addition.input;
  input.topology = asked;
  *input.topology.mutable_global() = record.topology.global();
  *input.topology.mutable_server_configs() = record.topology.server_configs();
  input.cluster_name = record.cluster.name;
  input.version = record.cluster.version;
  input.cluster_path = record.cluster.cluster_path;
  input.skip_create_user = record.cluster.skip_create_user;
  input.package_arch = addition.package.arch();
  input.existing = &record.cluster;
  for (const auto* grafana : record.cluster.Of(Component::kGrafana)) {
    input.grafana_admin_user = grafana->grafana_user;
  }
  return addition;
}

absl::Status NotReady(const std::string& cluster, const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, "DM_NOT_HEALTHY",
               "nothing can be added to cluster {} now: {}", cluster, why)
      .With("cluster", cluster)
      .Remedy("see dmgrctl cluster status " + cluster);
}

// New hosts are free, the others can be reached, and DM is healthy.
absl::Status Preflight(const Resources& resources, const topology::Cluster& cluster,
                       const topology::Cluster& fresh, const v1::Package& package) {
  RETURN_IF_ERROR(PreflightDeploy(resources, fresh, package));
  std::vector<const Instance*> old;
  for (const auto& instance : cluster.instances) old.push_back(&instance);
  RETURN_IF_ERROR(PreflightStart(resources, cluster, old));
  const auto members = members::GetMembers(cluster, absl::Now() + kAskTimeout, {});
  if (!members.ok()) return NotReady(cluster.name, std::string(Message(members.status())));
  const std::string problem = members::JoinProblem(cluster, *members);
  return problem.empty() ? absl::OkStatus() : NotReady(cluster.name, problem);
}

}  // namespace

absl::StatusOr<v1::Operation> ScaleOutCluster(const Resources& resources,
                                              const v1::ScaleOutClusterRequest& request,
                                              const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  RETURN_IF_ERROR(RequireNoPending(record));
  if (record.state == v1::CLUSTER_STATE_OFFLINE) {
    return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_OFFLINE",
                 "cluster {} is stopped: who joins must find it running", record.cluster.name)
        .With("cluster", record.cluster.name)
        .Remedy("start it: dmgrctl cluster start " + record.cluster.name);
  }
  RETURN_IF_ERROR(clusters::OpenOptions(resources, &record));
  const topology::Cluster before = record.cluster;
  std::vector<Problem> problems;
  CheckAddition(request.topology(), &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  ASSIGN_OR_RETURN(Addition addition, LoadAddition(resources, record, request.topology()));
  addition.input.existing = &before;
  topology::Cluster fresh = topology::Expand(addition.input, &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  fresh.uuid = before.uuid;
  fresh.user = before.user;
  fresh.group = before.group;
  for (auto& instance : fresh.instances) {
    instance.membership = topology::Membership::kJoining;
    record.cluster.instances.push_back(instance);
  }
  v1::Topology shown = request.topology();
  topology::RemoveWriteOnly(&shown);
  topology::AppendServers(shown, &record.topology);
  clusters::SealOptions(resources, &record);
  RETURN_IF_ERROR(clusters::CheckRender(resources, record));
  std::vector<std::string> names;
  for (const auto& instance : fresh.instances) names.push_back(instance.name);
  // A cluster that another operation holds is not looked at: the store refuses it, by name.
  if (record.active_operation_id.empty()) {
    RETURN_IF_ERROR(Preflight(resources, topology::MembersOf(before), fresh, addition.package));
  }
  return Submit(
      resources, request, caller, PlanScaleOut(record.cluster, addition.package),
      /*supersede=*/false, [&](store::Transaction& tx) -> absl::Status {
        RETURN_IF_ERROR(store::InsertInstances(tx, record, fresh.instances, addition.identities));
        RETURN_IF_ERROR(store::AdoptRolePatches(tx, before.name, names));
        return store::SetTopology(tx, before.name, record.topology, record.sealed_options);
      });
}

}  // namespace dmgr::operations
