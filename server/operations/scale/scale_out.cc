#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/checks.h"
#include "server/clusters/record.h"
#include "server/members/probe.h"
#include "server/members/rules.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/scale/membership.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/scale.h"
#include "server/operations/steps/let_go.h"
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

// The new instances, as a topology that Expand takes.
struct Addition {
  topology::ExpandInput input;
  std::vector<std::pair<std::string, std::string>> identities;
  v1::Package package;
};

// What belongs to the cluster as a whole is not changed by an addition; it may be repeated.
void CheckAddition(const v1::Topology& topology, const v1::Topology& recorded,
                   std::vector<Problem>* problems) {
  using google::protobuf::util::MessageDifferencer;
  constexpr char kStays[] = "stays as it was deployed: leave it out, or repeat it unchanged";
  if (topology.has_global() && !MessageDifferencer::Equals(topology.global(), recorded.global())) {
    problems->push_back({"topology.global", kStays});
  }
  if (topology.has_server_configs() &&
      !MessageDifferencer::Equals(topology.server_configs(), recorded.server_configs())) {
    problems->push_back({"topology.server_configs", kStays});
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
      .Remedy("see what is wrong with it")
      .Next(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", cluster}});
}

// New hosts are free, the others do not stand in the way, and DM is healthy enough. old: what is
// there already, on hosts that answer.
absl::Status Preflight(const Resources& resources, const topology::Cluster& old,
                       const topology::Cluster& members, const topology::Cluster& fresh,
                       const topology::Cluster& whole, const v1::Package& package) {
  RETURN_IF_ERROR(PreflightDeploy(resources, fresh, package, whole));
  std::vector<const Instance*> there;
  for (const auto& instance : old.instances) there.push_back(&instance);
  RETURN_IF_ERROR(PreflightStart(resources, whole, there, clusters::Reach::kDm));
  const auto listed = resources.members->GetMembers(members, absl::Now() + kAskTimeout, {});
  if (!listed.ok()) return NotReady(members.name, std::string(Message(listed.status())));
  // Every dm-master must agree to another one; for a dm-worker the majority is enough.
  if (fresh.Of(Component::kDmMaster).empty()) {
    return listed->leader_name.empty() ? NotReady(members.name, "it has no leader")
                                       : absl::OkStatus();
  }
  const std::string problem = members::JoinProblem(members, *listed);
  return problem.empty() ? absl::OkStatus() : NotReady(members.name, problem);
}

// The cluster with what is added.
struct Grown {
  store::ClusterRecord record;
  // The instances of it that are new.
  topology::Cluster fresh;
  Addition addition;
};

absl::StatusOr<Grown> Grow(const Resources& resources, const store::ClusterRecord& record,
                           const v1::Topology& asked) {
  std::vector<Problem> problems;
  CheckAddition(asked, record.topology, &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  Grown grown;
  ASSIGN_OR_RETURN(grown.addition, LoadAddition(resources, record, asked));
  grown.fresh = topology::Expand(grown.addition.input, &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  grown.fresh.uuid = record.cluster.uuid;
  grown.fresh.user = record.cluster.user;
  grown.fresh.group = record.cluster.group;
  grown.record = record;
  for (auto& instance : grown.fresh.instances) {
    instance.membership = topology::Membership::kJoining;
    grown.record.cluster.instances.push_back(instance);
  }
  v1::Topology shown = asked;
  topology::RemoveWriteOnly(&shown);
  topology::AppendServers(shown, &grown.record.topology);
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

absl::Status StoreGrown(store::Transaction& tx, const Grown& grown) {
  const store::ClusterRecord& record = grown.record;
  const std::string& name = record.cluster.name;
  std::vector<std::string> names;
  for (const auto& instance : grown.fresh.instances) names.push_back(instance.name);
  RETURN_IF_ERROR(
      store::InsertInstances(tx, name, grown.fresh.instances, grown.addition.identities));
  RETURN_IF_ERROR(store::AdoptRolePatches(tx, name, names));
  return store::SetTopology(tx, name, record.topology, record.sealed_options);
}

}  // namespace

absl::StatusOr<v1::Operation> ScaleOutCluster(const Resources& resources,
                                              const v1::ScaleOutClusterRequest& request,
                                              const Caller& caller) {
  Grown grown;
  // Whoever is added need not be known to every host at once.
  const HostRules hosts = {
      .skip_unreachable = true, .needs_majority = true, .behind = Behind::kIsRepaired};
  ChangeRules rules;
  rules.hosts = &hosts;
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(RequireNoPending(subject.record));
    RETURN_IF_ERROR(RequireRunning(subject.record));
    ASSIGN_OR_RETURN(grown, Grow(resources, subject.record, request.topology()));
    return absl::OkStatus();
  };
  rules.look = [&](const Subject& subject) {
    return Preflight(resources, topology::MembersOf(Reached(subject)),
                     topology::MembersOf(subject.record.cluster), grown.fresh, grown.record.cluster,
                     grown.addition.package);
  };
  rules.plan = [&](const Subject& subject) {
    std::set<std::string> skipped;
    for (const auto& machine : subject.left_out.machines) skipped.insert(machine.machine_id());
    return PlanScaleOut(grown.record.cluster, grown.addition.package, skipped);
  };
  rules.store = [&](store::Transaction& tx) { return StoreGrown(tx, grown); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
