#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <set>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/clusters/checks.h"
#include "server/members/rules.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/growth.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/scale.h"
#include "server/operations/steps/let_go.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Problem;

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
  if (topology.has_monitored() && recorded.has_monitored() &&
      !MessageDifferencer::Equals(topology.monitored(), recorded.monitored())) {
    problems->push_back({"topology.monitored", kStays});
  }
  for (int i = 0; i < topology.grafana_servers_size(); ++i) {
    if (topology.grafana_servers(i).password().empty()) continue;
    problems->push_back({fmt::format("topology.grafana_servers[{}].password", i),
                         "is the cluster's: leave it out"});
  }
  v1::Topology none;
  topology::AppendServers(topology, &none);
  const bool exporters = topology.has_monitored() && !recorded.has_monitored();
  if (none.ByteSizeLong() == 0 && !exporters) {
    problems->push_back({"topology", "has no new instance"});
  }
}

absl::StatusOr<Grown> GrowAsAsked(const Resources& resources, const store::ClusterRecord& record,
                                  const v1::Topology& asked) {
  std::vector<Problem> problems;
  CheckAddition(asked, record.topology, &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  ASSIGN_OR_RETURN(auto grown, Grow(resources, record, asked, &problems));
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  return grown;
}

// Whether DM is healthy enough.
absl::Status CheckCanJoin(const Resources& resources, const topology::Cluster& members,
                          const topology::Cluster& fresh) {
  const auto listed = resources.members->GetMembers(members, SteadyNow() + kAskTimeout, {});
  if (!listed.ok()) return NotReady(members.name, std::string(Message(listed.status())));
  // Every dm-master must agree to another one; for a dm-worker the majority is enough.
  if (fresh.Of(Component::kDmMaster).empty()) {
    return listed->leader_name.empty() ? NotReady(members.name, "it has no leader")
                                       : absl::OkStatus();
  }
  const std::string problem = members::JoinProblem(members, *listed);
  return problem.empty() ? absl::OkStatus() : NotReady(members.name, problem);
}

}  // namespace

absl::StatusOr<v1::Operation> ScaleOutCluster(const Resources& resources,
                                              const v1::ScaleOutClusterRequest& request,
                                              const Caller& caller) {
  Grown grown;
  const HostRules hosts = HostsAroundGrowth();
  ChangeRules rules;
  rules.hosts = &hosts;
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(RequireNoPending(subject.record));
    RETURN_IF_ERROR(RequireRunning(subject.record));
    ASSIGN_OR_RETURN(grown, GrowAsAsked(resources, subject.record, request.topology()));
    return absl::OkStatus();
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(LookAtHosts(resources, grown, topology::MembersOf(Reached(subject))));
    return CheckCanJoin(resources, topology::MembersOf(subject.record.cluster), grown.fresh);
  };
  rules.plan = [&](const Subject& subject) {
    std::set<std::string> skipped;
    for (const auto& machine : subject.left_out.machines) skipped.insert(machine.machine_id());
    return PlanScaleOut(grown.record.cluster, grown.package, skipped);
  };
  rules.store = [&](store::Transaction& tx) { return StoreGrown(tx, grown); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
