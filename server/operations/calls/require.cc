#include "server/operations/calls/require.h"

#include <fmt/format.h>

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
      .With("operation", record.active_operation_id)
      .Remedy(record.active_operation_id.empty()
                  ? "destroy it: dmgrctl cluster destroy " + record.cluster.name
                  : "see dmgrctl operation show " + record.active_operation_id);
}

}  // namespace

absl::StatusOr<std::vector<const Instance*>> SelectInstances(const topology::Cluster& cluster,
                                                             const v1::Selection& selection) {
  std::vector<Problem> problems;
  auto instances =
      topology::Select(cluster, {selection.roles().begin(), selection.roles().end()},
                       {selection.nodes().begin(), selection.nodes().end()}, &problems);
  if (!problems.empty()) return clusters::InvalidTopology(problems);
  return instances;
}

absl::Status RequireDeployed(const store::ClusterRecord& record) {
  RETURN_IF_ERROR(RequireState(record, v1::CLUSTER_STATE_DEPLOYING, "is not deployed to its end"));
  return RequireState(record, v1::CLUSTER_STATE_DESTROYING, "is being destroyed");
}

absl::Status RequireAllJoined(const store::ClusterRecord& record) {
  for (const auto& instance : record.cluster.instances) {
    if (instance.membership != topology::Membership::kJoining) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "INSTANCE_JOINING",
                 "{} of cluster {} was never joined to its end", instance.name, record.cluster.name)
        .With("cluster", record.cluster.name)
        .With("instance", instance.name)
        .Remedy(fmt::format("take it away: dmgrctl cluster scale-in {} --node {}",
                            record.cluster.name, instance.name));
  }
  return absl::OkStatus();
}

absl::Status RequireNoPending(const store::ClusterRecord& record) {
  if (!record.pending_topology.has_value()) return absl::OkStatus();
  const std::string& name = record.cluster.name;
  return Error(absl::StatusCode::kFailedPrecondition, "RELOAD_PENDING",
               "cluster {} has a changed configuration that its hosts do not have yet", name)
      .With("cluster", name)
      .Remedy(fmt::format("bring it there: dmgrctl cluster reload {}; or drop it: dmgrctl cluster "
                          "edit-config {} --discard",
                          name, name));
}

absl::Status RequireUp(const store::ClusterRecord& record, const std::string& otherwise) {
  if (record.state == v1::CLUSTER_STATE_UP) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_NOT_UP",
               "cluster {} is not up, so that its instances cannot be taken one after another",
               record.cluster.name)
      .With("cluster", record.cluster.name)
      .Remedy("start it: dmgrctl cluster start " + record.cluster.name + otherwise);
}

}  // namespace dmgr::operations
