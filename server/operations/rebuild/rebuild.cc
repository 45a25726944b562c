#include "server/operations/rebuild/rebuild.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/growth.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/replacements.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/rebuild/plan.h"
#include "server/operations/steps/let_go.h"
#include "server/store/copy_store.h"

namespace dmgr::operations {
namespace {

using google::protobuf::util::TimeUtil;
using topology::Component;

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

// Those that begin with empty data begin together: a majority of them must be there. fresh: how
// many come on other machines; replaced: machines that are given up.
absl::Status CheckMasters(const Subject& subject, std::size_t fresh = 0,
                          const std::set<std::string>& replaced = {}) {
  std::size_t all = fresh;
  std::size_t here = fresh;
  for (const auto* master : subject.record.cluster.Of(Component::kDmMaster)) {
    if (replaced.contains(master->machine_id)) continue;
    ++all;
    if (std::ranges::find(subject.instances, master) != subject.instances.end()) ++here;
  }
  if (here > all / 2) return absl::OkStatus();
  std::vector<std::string> machines;
  for (const auto& machine : subject.left_out.machines) {
    machines.push_back(fmt::format("{}: {}", machine.machine_id(), machine.reason()));
  }
  return Error(absl::StatusCode::kFailedPrecondition, "HOSTS_UNREACHABLE",
               "of the hosts of cluster {}'s {} dm-masters {} answer{}, which is no majority ({})",
               subject.record.cluster.name, all, here, here == 1 ? "s" : "",
               fmt::join(machines, "; "))
      .With("cluster", subject.record.cluster.name)
      .Remedy(
          "rebuild it with other machines in the place of these, or bring them back, be they "
          "installed anew, and repair them")
      .Next(v1::ACTION_REBUILD_CLUSTER, {{"cluster_name", subject.record.cluster.name}})
      .Next(v1::ACTION_REPAIR_CLUSTER, {{"cluster_name", subject.record.cluster.name}});
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

absl::Status RequireRebuildable(const Subject& subject) {
  RETURN_IF_ERROR(RequireDeployed(subject.record));
  return RequireAllJoined(subject.record);
}

// The rebuild on other machines, from what the record and the hosts say of it.
class Elsewhere {
 public:
  Elsewhere(const Resources& resources, const v1::RebuildClusterRequest& request)
      : resources_(resources), request_(request) {}

  absl::Status Require(const Subject& subject) {
    RETURN_IF_ERROR(RequireRebuildable(subject));
    RETURN_IF_ERROR(RequireNoPending(subject.record));
    ASSIGN_OR_RETURN(const auto replaced,
                     ReadReplacements(subject.record.cluster, request_.replacements()));
    old_ = GivenUp(replaced);
    ASSIGN_OR_RETURN(grown_, GrowInPlaceOf(resources_, subject.record, replaced));
    return absl::OkStatus();
  }

  absl::Status Look(const Subject& subject) {
    for (const auto& machine : subject.left_out.machines) {
      replacing_.away.unreachable.insert(machine.machine_id());
    }
    replacing_.away.leaving = InstancesOn(subject.record.cluster, old_);
    RETURN_IF_ERROR(CheckMasters(subject, grown_.fresh.Of(Component::kDmMaster).size(), old_));
    RETURN_IF_ERROR(CheckLost(resources_, subject, request_));
    ASSIGN_OR_RETURN(replacing_.copy_id, FindCopy(resources_, subject, request_));
    // Nobody needs to reach those that are given up.
    const auto leaving = NamesOf(replacing_.away.leaving);
    Grown rest = grown_;
    rest.record.cluster = topology::Without(rest.record.cluster, leaving);
    return LookAtHosts(resources_, rest, topology::Without(Reached(subject), leaving));
  }

  engine::Plan Plan() {
    replacing_.package = grown_.package;
    replacing_.away.force = true;
    return PlanRebuildElsewhere(grown_.record.cluster, replacing_);
  }

  LeftOut LeaveOut(const Subject& subject) const { return WithoutMachines(subject.left_out, old_); }
  absl::Status Store(store::Transaction& tx) const { return StoreInPlaceOf(tx, grown_); }

 private:
  const Resources& resources_;
  const v1::RebuildClusterRequest& request_;
  std::set<std::string> old_;
  Grown grown_;
  Replacing replacing_;
};

absl::StatusOr<v1::Operation> RebuildElsewhere(const Resources& resources,
                                               const v1::RebuildClusterRequest& request,
                                               const Caller& caller) {
  Elsewhere elsewhere(resources, request);
  const HostRules hosts = {.skip_unreachable = true, .may_be_none = true};
  ChangeRules rules;
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) { return CanBeRepaired(resources, subject); };
  rules.require = [&](const Subject& subject) { return elsewhere.Require(subject); };
  rules.look = [&](const Subject& subject) { return elsewhere.Look(subject); };
  rules.plan = [&](const Subject&) { return elsewhere.Plan(); };
  rules.leave_out = [&](const Subject& subject) { return elsewhere.LeaveOut(subject); };
  rules.store = [&](store::Transaction& tx) { return elsewhere.Store(tx); };
  return Change(resources, request, caller, rules);
}

}  // namespace

absl::StatusOr<v1::Operation> RebuildCluster(const Resources& resources,
                                             const v1::RebuildClusterRequest& request,
                                             const Caller& caller) {
  if (request.replacements_size() > 0) return RebuildElsewhere(resources, request, caller);
  v1::Selection dm;
  dm.add_components(v1::COMPONENT_DM_MASTER);
  dm.add_components(v1::COMPONENT_DM_WORKER);
  const HostRules hosts = {.skip_unreachable = true};
  std::int64_t copy_id = 0;
  ChangeRules rules;
  rules.selection = &dm;
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) { return CanBeRepaired(resources, subject); };
  rules.require = RequireRebuildable;
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
