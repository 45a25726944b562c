// The plan of a deploy: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_DEPLOY_PLAN_H_
#define DMGR_SERVER_OPERATIONS_DEPLOY_PLAN_H_

#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// Name of the runner.
inline constexpr char kSurvey[] = "host.survey";

// Survey every host, then prepare, send releases and install side by side, then record.
engine::Plan PlanDeploy(const topology::Cluster& cluster, const v1::Package& package);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_DEPLOY_PLAN_H_
