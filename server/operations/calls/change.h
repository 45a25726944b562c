// The way of every call that changes a cluster which exists: found, free, as it must be, looked at,
// planned, stored; in this order, so that no check depends on who else is at work.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_CHANGE_H_
#define DMGR_SERVER_OPERATIONS_CALLS_CHANGE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/engine/plan.h"
#include "server/operations/calls/submit.h"
#include "server/operations/plan/left_out.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {

// The cluster that a call changes. May be moved, not copied: the instances are the record's.
struct Subject {
  Subject() = default;
  Subject(Subject&&) = default;
  Subject& operator=(Subject&&) = default;

  // As it was read, with its options opened.
  store::ClusterRecord record;
  // The instances of the record that the call selects, on hosts that answer.
  std::vector<const topology::Instance*> instances;
  // Hosts that do not, and the selected instances on them.
  LeftOut left_out;
  // Machines that are behind and answer again.
  std::vector<std::string> come_back;
};

// What becomes of a host that is behind and answers again.
enum class Behind {
  kStays,       // It is none of the call's business.
  kIsRepaired,  // It is brought to the record before anything else.
  kGetsFiles,   // The same, but for its processes, of which the call makes something else.
};

// What a change asks of the hosts of its instances.
struct HostRules {
  // Those that do not answer are left out; else the call is refused.
  bool skip_unreachable = false;
  // Also when none of them answers.
  bool may_be_none = false;
  // The call that leaves them out, for the refusal; without an action where the call has no
  // skip_unreachable.
  v1::NextAction skipping = {};
  // Those of the selected instances whose hosts matter; nullptr: all.
  const std::vector<const topology::Instance*>* concerned = nullptr;
  // A majority of the dm-masters must be on hosts that answer.
  bool needs_majority = false;
  Behind behind = Behind::kStays;
  // dm-workers are restarted although tasks load on them.
  bool accepts_load_restart = false;
};

// What sets one kind of change apart from the others. Each function is called once at most, in the
// order of the fields, the hosts are asked before `look`; an empty one is left out.
struct ChangeRules {
  // A cluster that is being deployed or destroyed may be changed, too.
  bool in_any_state = false;
  // It leaves the files of a cluster as they are, so that they may be another tool's.
  bool of_foreign = false;
  // What was never joined is not part of the cluster.
  bool members_only = false;
  // nullptr: all instances.
  const v1::Selection* selection = nullptr;
  // Whether it takes the cluster from an operation that failed or was cancelled.
  std::function<bool(const Subject&)> supersedes = {};
  // What it asks of hosts; nullptr: nothing.
  const HostRules* hosts = nullptr;
  // What the record must be like.
  std::function<absl::Status(const Subject&)> require = {};
  // Hosts and DM, as they are now. Reads only.
  std::function<absl::Status(const Subject&)> look = {};
  std::function<absl::StatusOr<engine::Plan>(const Subject&)> plan = {};
  // What is recorded of the instances on hosts that are left out; empty: that they are.
  std::function<LeftOut(const Subject&)> leave_out = {};
  // What is stored with the operation, in its transaction.
  std::function<absl::Status(store::Transaction&)> store = {};
};

// Does all but the storing. FAILED_PRECONDITION: CLUSTER_BUSY when another operation holds the
// cluster, CLUSTER_IS_FOREIGN when the change is not for such a one: before anything is looked at
// or planned.
absl::StatusOr<Planned> PlanChange(const Resources& resources, const std::string& cluster,
                                   const ChangeRules& rules);

// The answer of the call. ABORTED, CLUSTER_CHANGED when the record is not any more what the plan
// was made from. validate_only leaves out nothing but the storing.
template <typename Request>
absl::StatusOr<v1::Operation> Change(const Resources& resources, const Request& request,
                                     const Caller& caller, const ChangeRules& rules) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  const auto planned = PlanChange(resources, request.cluster_name(), rules);
  if (planned.ok()) return Submit(resources, request, caller, *planned);
  // The same call at the same time may have come first, and be what stands in the way.
  ASSIGN_OR_RETURN(repeated, Repeated(resources, request, caller));
  if (repeated.has_value()) return *repeated;
  return planned.status();
}

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_CHANGE_H_
