#include "server/operations/repair/plan.h"

#include "server/operations/plan/parts.h"

namespace dmgr::operations {

engine::Plan PlanRepair(const topology::Cluster& cluster, const Repair& repair) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_REPAIR, cluster);
  plan.steps = RepairSteps(cluster, repair);
  return plan;
}

}  // namespace dmgr::operations
