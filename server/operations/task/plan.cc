#include "server/operations/task/plan.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/steps/migrations.h"

namespace dmgr::operations {
namespace {

// One step after the other.
class TaskPlan {
 public:
  TaskPlan(v1::OperationKind kind, const topology::Cluster& cluster)
      : plan_(NewPlan(kind, cluster)) {}

  TaskPlan& Keep(const pv1::TaskParams& task) {
    return Add(KeepRevisionStep(store::MigrationKind::kTask, task.task_name(), task.revision()));
  }
  TaskPlan& Then(const char* what, const std::string& title, const char* runner,
                 const pv1::TaskParams& task) {
    auto step = ControlStep(fmt::format("task/{}", what), title, runner, {});
    step.payload_json = StepJson(task);
    return Add(std::move(step));
  }
  TaskPlan& Check(const pv1::TaskParams& task) {
    return Then("check", fmt::format("have DM check the task {}", task.task_name()), kCheckTask,
                task);
  }
  TaskPlan& Start(const pv1::TaskParams& task) {
    return Then("start", fmt::format("give DM the task {}", task.task_name()), kStartTask, task);
  }
  TaskPlan& Await(const pv1::TaskParams& task) {
    return Then("await", fmt::format("wait until the task {} runs", task.task_name()), kAwaitTask,
                task);
  }
  TaskPlan& Stop(const pv1::TaskParams& task) {
    return Then("stop", fmt::format("take the task {} from DM", task.task_name()), kStopTask, task);
  }
  TaskPlan& Record(const pv1::TaskParams& task) {
    return Then("record", fmt::format("record the task {}, stopped", task.task_name()), kRecordTask,
                task);
  }
  // The last step cannot be taken back.
  TaskPlan& ForGood() {
    plan_.steps.back().point_of_no_return = true;
    return *this;
  }
  engine::Plan Take() { return std::move(plan_); }

 private:
  TaskPlan& Add(engine::Step step) {
    if (!plan_.steps.empty()) step.depends_on = {plan_.steps.back().id};
    plan_.steps.push_back(std::move(step));
    return *this;
  }

  engine::Plan plan_;
};

}  // namespace

engine::Plan PlanCreateTask(const topology::Cluster& cluster, const pv1::TaskParams& task) {
  return TaskPlan(v1::OPERATION_KIND_CREATE_TASK, cluster)
      .Keep(task)
      .Check(task)
      .Start(task)
      .Await(task)
      .Take();
}

engine::Plan PlanStoreTask(const topology::Cluster& cluster, const pv1::TaskParams& task) {
  return TaskPlan(v1::OPERATION_KIND_CREATE_TASK, cluster).Keep(task).Record(task).Take();
}

engine::Plan PlanStartTask(const topology::Cluster& cluster, const pv1::TaskParams& task) {
  return TaskPlan(v1::OPERATION_KIND_START_TASK, cluster)
      .Check(task)
      .Start(task)
      .Await(task)
      .Take();
}

engine::Plan PlanStopTask(const topology::Cluster& cluster, const pv1::TaskParams& task) {
  return TaskPlan(v1::OPERATION_KIND_STOP_TASK, cluster).Stop(task).Take();
}

engine::Plan PlanPauseTask(const topology::Cluster& cluster, const pv1::TaskParams& task) {
  return TaskPlan(v1::OPERATION_KIND_PAUSE_TASK, cluster)
      .Then("pause", fmt::format("pause the task {}", task.task_name()), kPauseTask, task)
      .Take();
}

engine::Plan PlanResumeTask(const topology::Cluster& cluster, const pv1::TaskParams& task) {
  return TaskPlan(v1::OPERATION_KIND_RESUME_TASK, cluster)
      .Then("resume", fmt::format("resume the task {}", task.task_name()), kResumeTask, task)
      .Await(task)
      .Take();
}

engine::Plan PlanUpdateTask(const topology::Cluster& cluster, const pv1::TaskParams& task) {
  TaskPlan plan(v1::OPERATION_KIND_UPDATE_TASK, cluster);
  plan.Keep(task);
  if (!task.was_there()) return plan.Record(task).Take();
  pv1::TaskParams stopped = task;
  stopped.set_was_there(false);
  stopped.set_was_paused(false);
  stopped.set_former_wanted("stopped");
  return plan.Check(task).Stop(task).Start(stopped).Await(task).Take();
}

engine::Plan PlanDeleteTask(const topology::Cluster& cluster, const pv1::TaskParams& task) {
  return TaskPlan(v1::OPERATION_KIND_DELETE_TASK, cluster)
      .Stop(task)
      .Then("forget", fmt::format("forget the task {}", task.task_name()), kForgetTask, task)
      .ForGood()
      .Take();
}

engine::Plan PlanAdoptTask(const topology::Cluster& cluster, const pv1::TaskParams& task) {
  return TaskPlan(v1::OPERATION_KIND_ADOPT_TASK, cluster)
      .Keep(task)
      .Then("adopt", fmt::format("record the task {} that DM has", task.task_name()), kAdoptTask,
            task)
      .Take();
}

}  // namespace dmgr::operations
