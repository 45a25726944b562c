#include "server/operations/steps/runner.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/record.h"
#include "server/clusters/removal.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {

absl::StatusOr<store::ClusterRecord> LoadCluster(const Resources& resources,
                                                 engine::StepContext& context) {
  return static_cast<HostScope&>(context.scope())
      .Cluster([&]() -> absl::StatusOr<store::ClusterRecord> {
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
  return static_cast<HostScope&>(context.scope()).Package(version, [&] {
    return clusters::LoadPackage(resources, version);
  });
}

absl::StatusOr<topology::Cluster> ConcernedBy(const engine::StepContext& context,
                                              const topology::Cluster& cluster) {
  const auto params = nlohmann::json::parse(context.step().payload_json, nullptr, false);
  if (!params.is_object() || !params.contains("instances")) return cluster;
  InstancesParams named;
  RETURN_IF_ERROR(FromJson(context.step().payload_json, &named));
  return named.instances.empty() ? cluster : topology::Only(cluster, named.instances);
}

absl::Status RemoveFromHost(const Resources& resources, engine::StepContext& context) {
  ASSIGN_OR_RETURN(auto record, LoadCluster(resources, context));
  return RemoveFromHost(resources, context, record, record.cluster);
}

absl::Status RemoveFromHost(const Resources& resources, engine::StepContext& context,
                            const store::ClusterRecord& record, const topology::Cluster& leaving) {
  const std::string& machine = context.step().step.host();
  ASSIGN_OR_RETURN(auto before, clusters::LoadBefore(resources, record.cluster.name, machine));
  ASSIGN_OR_RETURN(auto package, clusters::LoadPackage(resources, record.cluster.version));
  hv1::ToHost request;
  *request.mutable_batch() = clusters::PartialRemovalOf(record.cluster, leaving, machine, before,
                                                        record.public_key, package);
  ASSIGN_OR_RETURN(auto reply,
                   static_cast<HostScope&>(context.scope()).Call(context, std::move(request)));
  for (const auto& part : reply.batch().replies()) {
    for (const auto* left : {&part.remove_paths().left(), &part.leave_cluster().left()}) {
      for (const auto& path : *left) {
        context.Log(v1::LogLine::LEVEL_WARNING,
                    "left on " + machine + ", since it is not dmgr's: " + path);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace dmgr::operations
