#include "server/operations/calls/change.h"

#include <utility>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/store/operation_store.h"

namespace dmgr::operations {
namespace {

absl::StatusOr<Subject> Find(const Resources& resources, const std::string& cluster,
                             const ChangeRules& rules) {
  Subject subject;
  ASSIGN_OR_RETURN(subject.record, clusters::FindCluster(resources, cluster));
  if (!rules.in_any_state) RETURN_IF_ERROR(RequireDeployed(subject.record));
  // Nothing could bring a host that was left out to the record.
  const bool leaves_out = rules.hosts != nullptr && rules.hosts->skip_unreachable;
  if (!rules.of_foreign || leaves_out) RETURN_IF_ERROR(RequireOwn(subject.record));
  RETURN_IF_ERROR(clusters::OpenOptions(resources, &subject.record));
  if (rules.members_only) subject.record.cluster = topology::MembersOf(subject.record.cluster);
  ASSIGN_OR_RETURN(
      subject.instances,
      SelectInstances(subject.record.cluster,
                      rules.selection == nullptr ? v1::Selection() : *rules.selection));
  return subject;
}

}  // namespace

absl::StatusOr<Planned> PlanChange(const Resources& resources, const std::string& cluster,
                                   const ChangeRules& rules) {
  ASSIGN_OR_RETURN(Subject subject, Find(resources, cluster, rules));
  Planned planned;
  planned.supersede = rules.supersedes && rules.supersedes(subject);
  RETURN_IF_ERROR(resources.database->Read(
      [&](store::Transaction& tx) { return store::CheckFree(tx, cluster, planned.supersede); }));
  if (rules.require) RETURN_IF_ERROR(rules.require(subject));
  if (rules.hosts != nullptr) {
    RETURN_IF_ERROR(LeaveOutUnreachable(resources, *rules.hosts, &subject));
  }
  if (rules.look) RETURN_IF_ERROR(rules.look(subject));
  ASSIGN_OR_RETURN(planned.plan, rules.plan(subject));
  if (rules.hosts != nullptr) {
    AddHostSteps(*rules.hosts, subject,
                 rules.leave_out ? rules.leave_out(subject) : subject.left_out, &planned.plan);
  }
  planned.store = rules.store;
  planned.from = subject.record;
  return planned;
}

}  // namespace dmgr::operations
