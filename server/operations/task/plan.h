// The plans of what is done with tasks: pure functions.
#ifndef DMGR_SERVER_OPERATIONS_TASK_PLAN_H_
#define DMGR_SERVER_OPERATIONS_TASK_PLAN_H_

#include "dmgr/plan/v1/migrations.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// Names of the runners.
inline constexpr char kCheckTask[] = "control.check_task";
inline constexpr char kStartTask[] = "control.start_task";
inline constexpr char kAwaitTask[] = "control.await_task";
inline constexpr char kStopTask[] = "control.stop_task";
inline constexpr char kPauseTask[] = "control.pause_task";
inline constexpr char kResumeTask[] = "control.resume_task";
inline constexpr char kRecordTask[] = "control.record_task";
inline constexpr char kForgetTask[] = "control.forget_task";
inline constexpr char kAdoptTask[] = "control.adopt_task";

// The configuration is stored with the operation and checked by DM; DM gets it, and is waited for
// until all of it runs; undone, DM does not have the task.
engine::Plan PlanCreateTask(const topology::Cluster& cluster, const pv1::TaskParams& task);
// One that is only stored.
engine::Plan PlanStoreTask(const topology::Cluster& cluster, const pv1::TaskParams& task);
engine::Plan PlanStartTask(const topology::Cluster& cluster, const pv1::TaskParams& task);
engine::Plan PlanStopTask(const topology::Cluster& cluster, const pv1::TaskParams& task);
engine::Plan PlanPauseTask(const topology::Cluster& cluster, const pv1::TaskParams& task);
engine::Plan PlanResumeTask(const topology::Cluster& cluster, const pv1::TaskParams& task);
// The new configuration is checked before the task is stopped; undone, DM has the task with the
// former one again. Of a task that DM does not have it is only stored.
engine::Plan PlanUpdateTask(const topology::Cluster& cluster, const pv1::TaskParams& task);
// DM lets it go, which can be undone; then its configurations are forgotten, which cannot.
engine::Plan PlanDeleteTask(const topology::Cluster& cluster, const pv1::TaskParams& task);
// What DM has is recorded; DM is not told.
engine::Plan PlanAdoptTask(const topology::Cluster& cluster, const pv1::TaskParams& task);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_TASK_PLAN_H_
