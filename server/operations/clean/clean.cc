#include "server/operations/clean/clean.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/machines/access.h"
#include "server/machines/each.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/clean/plan.h"

namespace dmgr::operations {
namespace {

namespace hv1 = ::dmgr::host::v1;

using topology::Component;
using topology::Instance;

// The other dm-masters would still have it for a member, which it does not know any more.
absl::Status RequireAllMasters(const Subject& subject, const Clean& what) {
  std::vector<std::string> cleaned;
  for (const auto* instance : subject.instances) {
    if (instance->component == Component::kDmMaster) cleaned.push_back(instance->name);
  }
  const topology::Cluster& cluster = subject.record.cluster;
  const auto all = cluster.Of(Component::kDmMaster).size();
  if (!what.data || cleaned.empty() || cleaned.size() == all) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "DM_QUORUM",
               "cluster {} has {} dm-masters, and without its data {} could not come back to the "
               "others: they would still have it for a member",
               cluster.name, all, fmt::join(cleaned, ", "))
      .With("cluster", cluster.name)
      .Remedy(
          "clean the data of all dm-masters, or of none; to begin anew with one of them, take it "
          "out of the cluster and add it again");
}

absl::Status CheckIdle(const Resources& resources, const topology::Cluster& cluster,
                       const std::vector<const Instance*>& instances, const std::string& machine) {
  ASSIGN_OR_RETURN(const auto access, machines::LoadAccess(resources, machine));
  host::CallOptions options;
  options.deadline = SteadyNow() + machines::kHostLookTimeout;
  ASSIGN_OR_RETURN(const auto far_end, machines::OpenReader(resources, access, options.deadline));
  hv1::ToHost request;
  std::vector<const Instance*> here;
  for (const auto* instance : instances) {
    if (instance->machine_id != machine) continue;
    here.push_back(instance);
    request.mutable_query_units()->add_units(instance->Unit());
  }
  ASSIGN_OR_RETURN(const auto reply, far_end->Call(std::move(request), options));
  const auto& units = reply.unit_states().units();
  for (const auto* instance : here) {
    const bool runs = std::any_of(units.begin(), units.end(), [&](const auto& unit) {
      return unit.unit() == instance->Unit() && unit.active_state() == "active";
    });
    if (!runs) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "INSTANCE_RUNS",
                 "{} of cluster {} runs on {}, so that it cannot be cleaned", instance->name,
                 cluster.name, machine)
        .With("cluster", cluster.name)
        .With("instance", instance->name)
        .With("machine", machine)
        .Remedy("stop it")
        .Next(v1::ACTION_STOP_CLUSTER, {{"cluster_name", cluster.name}});
  }
  return absl::OkStatus();
}

// By the record the cluster is stopped; somebody may have started one by hand.
absl::Status LookForRunning(const Resources& resources, const Subject& subject, const Clean& what) {
  const topology::Cluster& cluster = subject.record.cluster;
  const auto instances = MustBeStopped(cluster, subject.instances, what);
  return machines::CombineHosts(machines::InParallel(
      resources.threads, MachinesOf(instances), [&](const std::string& machine) {
        return CheckIdle(resources, cluster, instances, machine);
      }));
}

}  // namespace

absl::StatusOr<v1::Operation> CleanCluster(const Resources& resources,
                                           const v1::CleanClusterRequest& request,
                                           const Caller& caller) {
  const Clean what = {.logs = request.logs(), .data = request.data()};
  ChangeRules rules;
  rules.selection = &request.selection();
  rules.require = [&](const Subject& subject) -> absl::Status {
    if (!what.logs && !what.data) {
      return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                   "neither logs nor data are to be removed")
          .Field("logs", "must be set, or data, or both");
    }
    RETURN_IF_ERROR(RequireAllJoined(subject.record));
    RETURN_IF_ERROR(RequireStopped(subject.record, "cleaned", "stop it"));
    return RequireAllMasters(subject, what);
  };
  rules.look = [&](const Subject& subject) { return LookForRunning(resources, subject, what); };
  rules.plan = [&](const Subject& subject) {
    return PlanClean(subject.record.cluster, subject.instances, what);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
