// The part of a plan that leaves hosts out which do not answer.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_LEFT_OUT_H_
#define DMGR_SERVER_OPERATIONS_PLAN_LEFT_OUT_H_

#include <optional>
#include <string>
#include <vector>

#include "dmgr/plan/v1/repair.pb.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// Records hosts as behind, and what is wanted of their instances.
inline constexpr char kLeaveOut[] = "control.leave_out";

struct LeftOut {
  std::vector<v1::SkippedMachine> machines;
  // Those on these machines of which the operation makes something else; it is recorded.
  std::vector<const topology::Instance*> instances;
  std::optional<bool> running = {};
  std::optional<bool> enabled = {};
  std::optional<std::string> patch = {};
};

// Puts the step in front of all others: from then on the record is ahead of these hosts, also when
// the operation does not come to its end. Nothing when no machine is left out.
void AddLeftOut(engine::Plan* plan, const LeftOut& left_out);

// Puts these steps in front of the plan: what depends on nothing waits for `last` of them.
void PutInFront(engine::Plan* plan, std::vector<engine::Step> steps,
                const std::vector<std::string>& last);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_LEFT_OUT_H_
