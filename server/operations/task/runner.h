// What the steps of tasks share. Private to this room.
#ifndef DMGR_SERVER_OPERATIONS_TASK_RUNNER_H_
#define DMGR_SERVER_OPERATIONS_TASK_RUNNER_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/plan/v1/migrations.pb.h"
#include "server/engine/runner.h"
#include "server/migrations/config.h"
#include "server/operations/steps/runner.h"
#include "server/operations/task/seen.h"
#include "server/store/migration_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// DM looks at every table.
inline constexpr absl::Duration kTaskCheck = absl::Minutes(25);

// As parameters of steps have it.
store::Wanted WantedOf(const std::string& word);
// What is recorded before the steps.
void AddFormer(const store::MigrationRecord& record, pv1::TaskParams* params);

// What a step is about.
struct TaskInput {
  pv1::TaskParams params;
  topology::Cluster cluster;
  store::MigrationKey key;
};

absl::StatusOr<TaskInput> LoadTask(const Resources& resources, engine::StepContext& context);

absl::Status NotThere(const TaskInput& input);

// Base of the steps that ask DM for something of a task. DM is looked at before it is told
// anything: a step comes again when an answer was lost.
class TaskRunner : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Minutes(30); }

 protected:
  using Seen = std::optional<SeenTask>;

  absl::StatusOr<TaskInput> Load(engine::StepContext& context) const {
    return LoadTask(resources(), context);
  }
  absl::StatusOr<Seen> See(engine::StepContext& context, const TaskInput& input) const;
  absl::StatusOr<bool> IsThere(engine::StepContext& context, const TaskInput& input) const;
  // Waits until DM does not have it (seen as an empty one), or has it so. what: "the task does not
  // ...".
  absl::Status Await(engine::StepContext& context, const TaskInput& input, const char* what,
                     const std::function<bool(const Seen&)>& is_so) const;

  // The configuration of a revision becomes the one in effect. mark: of what DM has.
  absl::StatusOr<engine::StepResult> Record(const TaskInput& input, std::int64_t revision,
                                            store::Wanted wanted, const std::string& mark) const;
  // Of what DM has of the task now.
  std::string MarkNow(engine::StepContext& context, const TaskInput& input) const;
  // What was recorded before the step is so again.
  absl::StatusOr<engine::StepResult> RecordFormer(const TaskInput& input) const;

  // Gives DM the task, unless it has it already.
  absl::Status Start(engine::StepContext& context, const TaskInput& input,
                     std::int64_t revision) const;
  // DM has it no more, if it had.
  absl::Status Stop(engine::StepContext& context, const TaskInput& input) const;
  // All of it is paused, by hand or by an error.
  absl::Status Pause(engine::StepContext& context, const TaskInput& input) const;
  absl::Status Resume(engine::StepContext& context, const TaskInput& input) const;

 private:
  members::Migrations& dm() const { return resources().members->migrations(); }
};

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_TASK_RUNNER_H_
