#include "server/operations/calls/require.h"

#include <fmt/format.h>

#include "common/enum_words.h"
#include "common/error.h"
#include "server/clusters/checks.h"

namespace dmgr::operations {
namespace {

using topology::Instance;
using topology::Problem;

absl::Status RequireState(const store::ClusterRecord& record, v1::ClusterState refused,
                          const std::string& what) {
  if (record.state != refused) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_NOT_DEPLOYED", "cluster {} {}",
               record.cluster.name, what)
      .With("cluster", record.cluster.name)
      .With("operation_id", record.active_operation_id)
      .Remedy(record.active_operation_id.empty() ? "destroy it" : "see what its operation does")
      .Next(record.active_operation_id.empty() ? v1::ACTION_DESTROY_CLUSTER
                                               : v1::ACTION_GET_OPERATION,
            {{record.active_operation_id.empty() ? "cluster_name" : "operation_id",
              record.active_operation_id.empty() ? record.cluster.name
                                                 : record.active_operation_id}});
}

}  // namespace

absl::StatusOr<std::vector<const Instance*>> SelectInstances(const topology::Cluster& cluster,
                                                             const v1::Selection& selection) {
  std::vector<Problem> problems;
  std::vector<std::string> roles;
  for (const int component : selection.components()) {
    roles.push_back(ToWord(static_cast<v1::Component>(component)));
  }
  auto instances = topology::Select(
      cluster, roles, {selection.nodes().begin(), selection.nodes().end()}, &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  return instances;
}

bool IsForAll(const v1::Selection& selection) {
  return selection.components().empty() && selection.nodes().empty();
}

v1::NextAction Skipping(v1::Action action, const std::string& cluster,
                        const v1::Selection& selection) {
  v1::NextAction next =
      MakeNextAction(action, {{"cluster_name", cluster}, {"skip_unreachable", "true"}});
  std::vector<std::string> roles;
  for (const int component : selection.components()) {
    roles.push_back(ToWord(static_cast<v1::Component>(component)));
  }
  auto& arguments = *next.mutable_arguments();
  if (!roles.empty()) arguments["selection.components"] = fmt::format("{}", fmt::join(roles, ","));
  if (!selection.nodes().empty()) {
    arguments["selection.nodes"] = fmt::format("{}", fmt::join(selection.nodes(), ","));
  }
  return next;
}

absl::Status RequireDeployed(const store::ClusterRecord& record) {
  RETURN_IF_ERROR(RequireState(record, v1::CLUSTER_STATE_DEPLOYING, "is not deployed to its end"));
  return RequireState(record, v1::CLUSTER_STATE_DESTROYING, "is being destroyed");
}

absl::Status RequireOwn(const store::ClusterRecord& record) {
  if (record.origin != v1::CLUSTER_ORIGIN_TIUP) return absl::OkStatus();
  const std::string& name = record.cluster.name;
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_IS_FOREIGN",
               "cluster {} was laid on its hosts by TiUP, and this would rewrite what is TiUP's or "
               "leave a host behind that nothing brings to the record",
               name)
      .With("cluster", name)
      .Remedy(
          "take its files over first; or give it back, and change it by TiUP; as it is it can be "
          "looked at, started, stopped and restarted as a whole or in part, with its sources and "
          "tasks")
      .Next(v1::ACTION_TAKE_OVER_CLUSTER, {{"cluster_name", name}})
      .Next(v1::ACTION_RELEASE_CLUSTER, {{"cluster_name", name}});
}

absl::Status RequireTls(const store::ClusterRecord& record) {
  if (record.cluster.tls != nullptr) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "TLS_NOT_ENABLED",
               "the processes of cluster {} do not speak TLS", record.cluster.name)
      .With("cluster", record.cluster.name)
      .Remedy(
          "TLS is chosen when a cluster is deployed, by enable_tls in global; a cluster beside "
          "this "
          "one can have it and take over its tasks");
}

absl::Status RequireAllJoined(const store::ClusterRecord& record) {
  for (const auto& instance : record.cluster.instances) {
    if (instance.membership != topology::Membership::kJoining) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "INSTANCE_JOINING",
                 "{} of cluster {} was never joined to its end", instance.name, record.cluster.name)
        .With("cluster", record.cluster.name)
        .With("instance", instance.name)
        .Remedy("take it away")
        .Next(v1::ACTION_SCALE_IN_CLUSTER,
              {{"cluster_name", record.cluster.name}, {"selection.nodes", instance.name}});
  }
  return absl::OkStatus();
}

absl::Status RequireNoPending(const store::ClusterRecord& record) {
  if (!record.pending_topology.has_value()) return absl::OkStatus();
  const std::string& name = record.cluster.name;
  return Error(absl::StatusCode::kFailedPrecondition, "RELOAD_PENDING",
               "cluster {} has a changed configuration that its hosts do not have yet", name)
      .With("cluster", name)
      .Remedy("bring it there, or drop it")
      .Next(v1::ACTION_RELOAD_CLUSTER, {{"cluster_name", name}})
      .Next(v1::ACTION_DISCARD_PENDING_TOPOLOGY, {{"cluster_name", name}});
}

absl::Status RequireUp(const store::ClusterRecord& record, const std::string& otherwise,
                       const v1::NextAction& other) {
  if (record.state == v1::CLUSTER_STATE_UP) return absl::OkStatus();
  Error error(absl::StatusCode::kFailedPrecondition, "CLUSTER_NOT_UP",
              "cluster {} is not up, so that its instances cannot be taken one after another",
              record.cluster.name);
  error.With("cluster", record.cluster.name)
      .Remedy(otherwise.empty() ? "start it" : "start it, or " + otherwise)
      .Next(v1::ACTION_START_CLUSTER, {{"cluster_name", record.cluster.name}});
  if (!otherwise.empty()) error.Next(other);
  return error;
}

absl::Status RequireStopped(const store::ClusterRecord& record, const std::string& what,
                            const std::string& remedy) {
  if (record.state == v1::CLUSTER_STATE_OFFLINE) return absl::OkStatus();
  const std::string& name = record.cluster.name;
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_NOT_STOPPED",
               "cluster {} is not stopped, so that it cannot be {}", name, what)
      .With("cluster", name)
      .Remedy(remedy)
      .Next(v1::ACTION_STOP_CLUSTER, {{"cluster_name", name}});
}

absl::Status CheckStrategy(v1::Strategy strategy, v1::Strategy other) {
  if (strategy == v1::STRATEGY_UNSPECIFIED || strategy == v1::STRATEGY_ROLLING ||
      strategy == other) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "strategy {} is not for this call", static_cast<int>(strategy))
      .Field("strategy", "must be STRATEGY_ROLLING or " + v1::Strategy_Name(other));
}

}  // namespace dmgr::operations
