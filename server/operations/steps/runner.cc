#include "server/operations/steps/runner.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/record.h"
#include "server/clusters/removal.h"
#include "server/leftovers/leftovers.h"
#include "server/operations/plan/units.h"
#include "server/operations/steps/hand_over.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::operations {

absl::StatusOr<engine::StepResult> NoReturnRunner::Undo(engine::StepContext& context) {
  return Error(absl::StatusCode::kFailedPrecondition, "NO_RETURN", "{} cannot be undone",
               context.step().step.title())
      .Remedy("resume the operation");
}

absl::StatusOr<store::ClusterRecord> LoadCluster(const Resources& resources,
                                                 engine::StepContext& context) {
  return Hosts(context).Cluster([&]() -> absl::StatusOr<store::ClusterRecord> {
    store::ClusterRecord record;
    RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
      const std::string& name = context.operation().operation.cluster_name();
      ASSIGN_OR_RETURN(record, store::GetCluster(tx, name));
      return absl::OkStatus();
    }));
    RETURN_IF_ERROR(clusters::OpenOptions(resources, &record));
    return record;
  });
}

absl::StatusOr<v1::Package> LoadPackage(const Resources& resources, engine::StepContext& context,
                                        const std::string& version) {
  return Hosts(context).Package(version,
                                [&] { return warehouse::LoadPackage(resources, version); });
}

absl::StatusOr<topology::Cluster> ConcernedBy(const engine::StepContext& context,
                                              const topology::Cluster& cluster) {
  ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::InstancesParams>(context));
  if (params.instances().empty()) return cluster;
  return topology::Only(cluster, {params.instances().begin(), params.instances().end()});
}

absl::Status RemoveFromHost(const Resources& resources, engine::StepContext& context) {
  ASSIGN_OR_RETURN(auto record, LoadCluster(resources, context));
  return RemoveFromHost(resources, context, record, record.cluster);
}

absl::Status RemoveFromHost(const Resources& resources, engine::StepContext& context,
                            const store::ClusterRecord& record, const topology::Cluster& leaving) {
  const std::string& machine = Machine(context);
  ASSIGN_OR_RETURN(auto before, clusters::LoadBefore(resources, record.cluster.name, machine));
  ASSIGN_OR_RETURN(auto package, warehouse::LoadPackage(resources, record.cluster.version));
  ASSIGN_OR_RETURN(const auto given,
                   HandOverExporters(resources, context, record, leaving, before));
  const pv1::HostRemoval removal = clusters::RemovalOf(topology::Without(record.cluster, given),
                                                       topology::Without(leaving, given), machine,
                                                       before, record.public_key, package);
  // The host's record of the cluster goes with its last instances: what they left behind there
  // would be nobody's after that.
  leftovers::Older older;
  if (removal.leaves()) {
    ASSIGN_OR_RETURN(older, leftovers::LoadOlder(resources, record.cluster.uuid, machine));
  }
  hv1::ToHost request;
  auto* batch = request.mutable_batch();
  for (auto& one : older.given) *batch->add_requests()->mutable_hand_over() = std::move(one);
  batch->MergeFrom(clusters::RequestOf(older.removals, removal));
  ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
  for (const auto& what : clusters::LeftBy(reply.batch())) {
    context.Log(v1::LogLine::LEVEL_WARNING, fmt::format("left on {}: {}", machine, what));
  }
  return absl::OkStatus();
}

}  // namespace dmgr::operations
