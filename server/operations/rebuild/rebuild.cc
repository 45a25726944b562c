#include "server/operations/rebuild/rebuild.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/rebuild/plan.h"
#include "server/operations/steps/let_go.h"
#include "server/store/copy_store.h"

namespace dmgr::operations {
namespace {

using google::protobuf::util::TimeUtil;
using topology::Component;
using topology::Instance;

// With force it may live: what it keeps is given up.
absl::Status CheckLost(const Resources& resources, const Subject& subject,
                       const v1::RebuildClusterRequest& request) {
  if (request.force()) return absl::OkStatus();
  const topology::Cluster& cluster = subject.record.cluster;
  const auto members = resources.members->GetMembers(cluster, SteadyNow() + kAskTimeout, {});
  if (!members.ok() || members->leader_name.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "MAJORITY_LIVES",
               "a majority of cluster {}'s dm-masters lives: dm-master {} leads. A rebuild gives "
               "up what they keep",
               cluster.name, members->leader_name)
      .With("cluster", cluster.name)
      .Remedy("see what is wrong with it; force the rebuild if a copy is better than that")
      .Next(v1::ACTION_GET_CLUSTER_STATUS, {{"cluster_name", cluster.name}})
      .Next(v1::ACTION_REBUILD_CLUSTER, {{"cluster_name", cluster.name}, {"force", "true"}});
}

absl::Status CheckMasters(const Subject& subject) {
  const bool any = std::ranges::any_of(subject.instances, [](const Instance* one) {
    return one->component == Component::kDmMaster;
  });
  if (any) return absl::OkStatus();
  std::vector<std::string> machines;
  for (const auto& machine : subject.left_out.machines) {
    machines.push_back(fmt::format("{}: {}", machine.machine_id(), machine.reason()));
  }
  return Error(absl::StatusCode::kFailedPrecondition, "HOSTS_UNREACHABLE",
               "of cluster {}'s dm-masters no host answers ({})", subject.record.cluster.name,
               fmt::join(machines, "; "))
      .With("cluster", subject.record.cluster.name)
      .Remedy("bring one of these hosts back, be it installed anew, and repair it");
}

// Of those that were taken by then, the newest.
absl::StatusOr<std::int64_t> FindCopy(const Resources& resources, const Subject& subject,
                                      const v1::RebuildClusterRequest& request) {
  const std::string& name = subject.record.cluster.name;
  std::vector<store::CopyRecord> copies;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(copies, store::ListCopies(tx, subject.record.cluster.uuid));
    return absl::OkStatus();
  }));
  const auto found = std::ranges::find_if(copies, [&](const store::CopyRecord& copy) {
    return !request.has_copy_time() || absl::ToUnixMicros(copy.take_time) <=
                                           TimeUtil::TimestampToMicroseconds(request.copy_time());
  });
  if (found != copies.end()) return found->copy_id;
  Error error(absl::StatusCode::kFailedPrecondition, "NO_COPY",
              "of what cluster {}'s dm-masters keep there is no copy{}", name,
              copies.empty() ? "" : " of that time");
  error.With("cluster", name);
  if (copies.empty()) {
    return error.Remedy(
        "it was never up with a dmgrd beside it for a minute: clean the data of its dm-masters, "
        "start it, and create its sources and tasks again");
  }
  return error.Remedy("take a later time").Next(v1::ACTION_LIST_COPIES, {{"cluster_name", name}});
}

}  // namespace

absl::StatusOr<v1::Operation> RebuildCluster(const Resources& resources,
                                             const v1::RebuildClusterRequest& request,
                                             const Caller& caller) {
  v1::Selection dm;
  dm.add_components(v1::COMPONENT_DM_MASTER);
  dm.add_components(v1::COMPONENT_DM_WORKER);
  const HostRules hosts = {.skip_unreachable = true};
  std::int64_t copy_id = 0;
  ChangeRules rules;
  rules.selection = &dm;
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) { return CanBeRepaired(resources, subject); };
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(RequireDeployed(subject.record));
    return RequireAllJoined(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(CheckMasters(subject));
    RETURN_IF_ERROR(CheckLost(resources, subject, request));
    ASSIGN_OR_RETURN(copy_id, FindCopy(resources, subject, request));
    return absl::OkStatus();
  };
  rules.plan = [&](const Subject& subject) {
    return PlanRebuild(subject.record.cluster, subject.instances, copy_id);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
