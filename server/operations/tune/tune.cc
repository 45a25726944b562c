#include "server/operations/tune/tune.h"

#include <algorithm>

#include "common/error.h"
#include "server/check/check.h"
#include "server/operations/calls/change.h"
#include "server/operations/tune/plan.h"

namespace dmgr::operations {
namespace {

absl::Status NothingToTune(const std::string& cluster) {
  return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_TUNE",
               "the hosts of cluster {} have nothing that dmgr can set", cluster)
      .With("cluster", cluster)
      .Remedy("see what the check says of what is left")
      .Next(v1::ACTION_CHECK_CLUSTER, {{"cluster_name", cluster}});
}

absl::Status NeedsRoot(const std::string& cluster) {
  return Error(absl::StatusCode::kFailedPrecondition, "NEEDS_ROOT",
               "the hosts of cluster {} are managed without root, and settings of a host take root",
               cluster)
      .With("cluster", cluster)
      .Remedy("have root set on the hosts what the check names")
      .Next(v1::ACTION_CHECK_CLUSTER, {{"cluster_name", cluster}});
}

bool IsSelected(const v1::TuneHostsRequest& request, const std::string& machine) {
  const auto& ids = request.machine_ids();
  return ids.empty() || std::find(ids.begin(), ids.end(), machine) != ids.end();
}

}  // namespace

absl::StatusOr<v1::Operation> TuneHosts(const Resources& resources,
                                        const v1::TuneHostsRequest& request, const Caller& caller) {
  Wanting wanting;
  ChangeRules rules;
  rules.look = [&](const Subject& subject) -> absl::Status {
    if (subject.record.cluster.user_mode) return NeedsRoot(request.cluster_name());
    for (const auto& check : check::CheckHosts(resources, subject.record.cluster)) {
      if (!check.tunable() || !IsSelected(request, check.machine_id())) continue;
      wanting[check.machine_id()].push_back(check.item().name());
    }
    return wanting.empty() ? NothingToTune(request.cluster_name()) : absl::OkStatus();
  };
  rules.plan = [&](const Subject& subject) { return PlanTune(subject.record.cluster, wanting); };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
