#include "server/operations/upgrade/upgrade.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

#include "common/components/traits.h"
#include "common/error.h"
#include "common/package/archs.h"
#include "common/version.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/kept_patches.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/upgrade/plan.h"
#include "server/store/cluster_store.h"
#include "server/store/package_store.h"
#include "server/topology/topology.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::operations {
namespace {

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
                  "see which packages there are")
        .Next(v1::ACTION_LIST_PACKAGES);
  }
  const auto archs = package::ArchsOf(to);
  for (const auto& instance : record.cluster.instances) {
    const std::string& arch = instance.arch.empty() ? from.arch() : instance.arch;
    if (std::ranges::find(archs, arch) != archs.end()) continue;
    return refuse("ARCH_DIFFERS",
                  fmt::format("machine {} is {}, and package {} is for {}", instance.machine_id,
                              arch, to.version(), fmt::join(archs, " and ")),
                  "build and upload one with the tarballs of " + arch)
        .With("machine", instance.machine_id)
        .With("arch", arch)
        .Next(v1::ACTION_BUILD_PACKAGE);
  }
  for (const auto component : clusters::LackingIn(to)) {
    if (record.cluster.Of(component).empty()) continue;
    return refuse("PACKAGE_INCOMPLETE",
                  fmt::format("it has instances of {}, and package {} has no {}",
                              topology::Name(component), to.version(), topology::Name(component)),
                  "build and upload it again with the tarball of " +
                      std::string(components::TraitsOf(component).tarball_name()))
        .Next(v1::ACTION_BUILD_PACKAGE);
  }
  const std::string downgrade = DowngradeProblem(from.version(), to.version());
  if (downgrade.empty() || request.allow_downgrade()) return absl::OkStatus();
  return refuse("DOWNGRADE", downgrade, "allow the downgrade if you are sure")
      .Next(v1::ACTION_UPGRADE_CLUSTER, {{"cluster_name", record.cluster.name},
                                         {"version", to.version()},
                                         {"strategy", v1::Strategy_Name(request.strategy())},
                                         {"allow_downgrade", "true"}});
}

}  // namespace

std::string DowngradeProblem(const std::string& from, const std::string& to) {
  const auto old_version = DmVersion::Parse(from);
  const auto new_version = DmVersion::Parse(to);
  if (!old_version.has_value() || !new_version.has_value()) {
    return fmt::format("whether {} is newer than {} cannot be told", to, from);
  }
  return *new_version < *old_version ? fmt::format("{} is older than {}", to, from) : "";
}

absl::StatusOr<v1::Operation> UpgradeCluster(const Resources& resources,
                                             const v1::UpgradeClusterRequest& request,
                                             const Caller& caller) {
  RETURN_IF_ERROR(CheckStrategy(request.strategy(), v1::STRATEGY_OFFLINE));
  const bool offline = request.strategy() == v1::STRATEGY_OFFLINE;
  v1::Package from;
  v1::Package to;
  HostRules hosts = {.skip_unreachable = request.skip_unreachable(),
                     .skipping = Skipping(v1::ACTION_UPGRADE_CLUSTER, request.cluster_name()),
                     .needs_majority = !offline,
                     .behind = Behind::kIsRepaired,
                     .accepts_load_restart = request.accept_load_restart()};
  auto& arguments = *hosts.skipping.mutable_arguments();
  arguments["version"] = request.version();
  if (offline) arguments["strategy"] = "STRATEGY_OFFLINE";
  if (request.allow_downgrade()) arguments["allow_downgrade"] = "true";
  ChangeRules rules;
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) {
    return request.skip_unreachable() && IsHeldBy(resources, subject, {v1::OPERATION_KIND_UPGRADE});
  };
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(RequireAllJoined(subject.record));
    ASSIGN_OR_RETURN(from, warehouse::LoadPackage(resources, subject.record.cluster.version));
    ASSIGN_OR_RETURN(to, warehouse::LoadPackage(resources, request.version()));
    RETURN_IF_ERROR(CheckVersions(subject.record, request, from, to));
    return offline ? RequireStopped(subject.record, "upgraded offline",
                                    "take its instances one after another, or stop it")
                   : RequireUp(subject.record, "upgrade it offline",
                               MakeNextAction(v1::ACTION_UPGRADE_CLUSTER,
                                              {{"cluster_name", subject.record.cluster.name},
                                               {"version", request.version()},
                                               {"strategy", "STRATEGY_OFFLINE"}}));
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    if (!offline) {
      RETURN_IF_ERROR(CheckLoads(resources, hosts, subject.record.cluster, subject.instances));
    }
    return PreflightUpgrade(resources, subject.record.cluster, subject.instances, from, to);
  };
  rules.plan = [&](const Subject& subject) -> absl::StatusOr<engine::Plan> {
    ASSIGN_OR_RETURN(const auto patches, clusters::LoadKeptPatches(resources, subject.record));
    return PlanUpgrade(
        Reached(subject), from, to, offline, patches, request.max_parallel(),
        {subject.left_out.instances, LacksMaster(subject), request.accept_load_restart()});
  };
  rules.store = [&](store::Transaction& tx) { return store::KeepPackage(tx, to.version()); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
