#include <string>

#include "common/error.h"
#include "server/clusters/checks.h"
#include "server/clusters/record.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/require.h"
#include "server/operations/import/import.h"
#include "server/operations/import/plan.h"
#include "server/store/cluster_store.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::operations {
namespace {

absl::Status RequireForeign(const store::ClusterRecord& record) {
  if (record.origin == v1::CLUSTER_ORIGIN_TIUP) return absl::OkStatus();
  const std::string& name = record.cluster.name;
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_IS_OWN",
               "the files of cluster {} are dmgr's already", name)
      .With("cluster", name)
      .Remedy("make the change that you want: there is nothing to take over");
}

// An import needs none.
absl::StatusOr<v1::Package> PackageFor(const Resources& resources,
                                       const topology::Cluster& cluster) {
  auto package = warehouse::LoadPackage(resources, cluster.version);
  if (!absl::IsNotFound(package.status())) return package;
  return Error(absl::StatusCode::kNotFound, "PACKAGE_NOT_FOUND",
               "cluster {} is of {}, and there is no package {} whose files it could get",
               cluster.name, cluster.version, cluster.version)
      .With("version", cluster.version)
      .With("cluster", cluster.name)
      .Remedy("build it of the tarballs of that version, and upload it")
      .Next(v1::ACTION_BUILD_PACKAGE, {{"version", cluster.version}})
      .Next(v1::ACTION_UPLOAD_PACKAGE, {{"version", cluster.version}});
}

}  // namespace

absl::StatusOr<v1::Operation> TakeOverCluster(const Resources& resources,
                                              const v1::TakeOverClusterRequest& request,
                                              const Caller& caller) {
  Takeover takeover;
  takeover.max_parallel = request.max_parallel();
  takeover.accepts_load_restart = request.accept_load_restart();
  v1::Package package;
  HostRules hosts;
  ChangeRules rules;
  rules.of_foreign = true;
  rules.hosts = &hosts;
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(RequireForeign(subject.record));
    takeover.running = subject.record.state == v1::CLUSTER_STATE_UP;
    hosts.needs_majority = takeover.running;
    ASSIGN_OR_RETURN(package, PackageFor(resources, subject.record.cluster));
    return clusters::CheckRender(resources, subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    if (takeover.running && !request.accept_load_restart()) {
      RETURN_IF_ERROR(RequireNoLoad(resources, subject.record.cluster, subject.instances,
                                    MakeNextAction(v1::ACTION_TAKE_OVER_CLUSTER,
                                                   {{"cluster_name", request.cluster_name()}})));
    }
    // The hosts have nothing of the package.
    return PreflightUpgrade(resources, subject.record.cluster, subject.instances, v1::Package(),
                            package);
  };
  rules.plan = [&](const Subject& subject) {
    return PlanTakeover(subject.record.cluster, package, takeover);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
