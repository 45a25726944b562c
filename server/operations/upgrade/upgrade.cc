#include "server/operations/upgrade/upgrade.h"

#include <fmt/format.h>

#include "server/clusters/record.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/submit.h"
#include "server/operations/patch/patch.h"
#include "server/operations/upgrade/plan.h"
#include "server/store/package_store.h"
#include "server/topology/config_keys.h"

namespace dmgr::operations {
namespace {

absl::Status RequireUp(const store::ClusterRecord& record, const std::string& otherwise) {
  if (record.state == v1::CLUSTER_STATE_UP) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_NOT_UP",
               "cluster {} is not up, so that its instances cannot be taken one after another",
               record.cluster.name)
      .With("cluster", record.cluster.name)
      .Remedy("start it: dmgrctl cluster start " + record.cluster.name + otherwise);
}

// Why `to` needs the caller's word, or nothing.
std::string DowngradeProblem(const std::string& from, const std::string& to) {
  const auto old_version = topology::ParseDmVersion(from);
  const auto new_version = topology::ParseDmVersion(to);
  if (!old_version.has_value() || !new_version.has_value()) {
    return fmt::format("whether {} is newer than {} cannot be told", to, from);
  }
  return *new_version < *old_version ? fmt::format("{} is older than {}", to, from) : "";
}

absl::Status CheckVersions(const store::ClusterRecord& record,
                           const v1::UpgradeClusterRequest& request, const v1::Package& from,
                           const v1::Package& to) {
  const auto refuse = [&](const char* reason, const std::string& why, const std::string& remedy) {
    return Error(absl::StatusCode::kFailedPrecondition, reason, "cluster {} is not upgraded: {}",
                 record.cluster.name, why)
        .With("cluster", record.cluster.name)
        .With("version", to.version())
        .Remedy(remedy);
  };
  if (to.version() == from.version()) {
    return refuse("VERSION_SAME", "it is of version " + to.version() + " already",
                  "see dmgrctl package list");
  }
  if (to.arch() != from.arch()) {
    return refuse(
        "ARCH_DIFFERS",
        fmt::format("package {} is for {}, its hosts are {}", to.version(), to.arch(), from.arch()),
        "upload a package for " + from.arch());
  }
  const std::string downgrade = DowngradeProblem(from.version(), to.version());
  if (downgrade.empty() || request.allow_downgrade()) return absl::OkStatus();
  return refuse("DOWNGRADE", downgrade, "if you are sure: --allow-downgrade");
}

absl::Status RequireStopped(const store::ClusterRecord& record) {
  if (record.state == v1::CLUSTER_STATE_OFFLINE) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "CLUSTER_NOT_STOPPED",
               "cluster {} is not stopped, so that it cannot be upgraded offline",
               record.cluster.name)
      .With("cluster", record.cluster.name)
      .Remedy("leave out --offline, or stop it: dmgrctl cluster stop " + record.cluster.name);
}

template <typename Request>
absl::StatusOr<v1::Operation> SetAtBoot(const Services& services, const Request& request,
                                        const Caller& caller, bool enabled) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, FindCluster(services, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  ASSIGN_OR_RETURN(auto instances, SelectInstances(record.cluster, request.selection()));
  return Submit(services, request, caller, PlanEnable(record.cluster, instances, enabled),
                /*supersede=*/false);
}

}  // namespace

absl::StatusOr<v1::Operation> RestartCluster(const Services& services,
                                             const v1::RestartClusterRequest& request,
                                             const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, FindCluster(services, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  // What was never joined is not part of it.
  record.cluster = topology::MembersOf(record.cluster);
  ASSIGN_OR_RETURN(auto instances, SelectInstances(record.cluster, request.selection()));
  if (record.active_operation_id.empty()) {
    if (!request.all_at_once()) RETURN_IF_ERROR(RequireUp(record, ", or use --all-at-once"));
    RETURN_IF_ERROR(PreflightStart(services, record.cluster, instances));
  }
  const engine::Plan plan = request.all_at_once() ? PlanRestartAtOnce(record.cluster, instances)
                                                  : PlanRestart(record.cluster, instances);
  return Submit(services, request, caller, plan, /*supersede=*/false);
}

absl::StatusOr<v1::Operation> UpgradeCluster(const Services& services,
                                             const v1::UpgradeClusterRequest& request,
                                             const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, FindCluster(services, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  RETURN_IF_ERROR(RequireAllJoined(record));
  ASSIGN_OR_RETURN(const auto from, LoadPackage(services, record.cluster.version));
  ASSIGN_OR_RETURN(const auto to, LoadPackage(services, request.version()));
  RETURN_IF_ERROR(CheckVersions(record, request, from, to));
  ASSIGN_OR_RETURN(auto instances, SelectInstances(record.cluster, {}));
  if (record.active_operation_id.empty()) {
    RETURN_IF_ERROR(request.offline() ? RequireStopped(record)
                                      : RequireUp(record, ", or use --offline"));
    RETURN_IF_ERROR(PreflightUpgrade(services, record.cluster, instances, from, to));
  }
  ASSIGN_OR_RETURN(const auto patches, LoadKeptPatches(services, record));
  return Submit(services, request, caller,
                PlanUpgrade(record.cluster, from, to, request.offline(), patches),
                /*supersede=*/false, [&](store::Transaction& tx) -> absl::Status {
                  RETURN_IF_ERROR(store::KeepPackage(tx, to.version()));
                  return CheckPlannedFrom(tx, record);
                });
}

absl::StatusOr<v1::Operation> EnableCluster(const Services& services,
                                            const v1::EnableClusterRequest& request,
                                            const Caller& caller) {
  return SetAtBoot(services, request, caller, /*enabled=*/true);
}

absl::StatusOr<v1::Operation> DisableCluster(const Services& services,
                                             const v1::DisableClusterRequest& request,
                                             const Caller& caller) {
  return SetAtBoot(services, request, caller, /*enabled=*/false);
}

}  // namespace dmgr::operations
