// Base of the runners that take one instance of a running cluster.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_TURN_RUNNER_H_
#define DMGR_SERVER_OPERATIONS_STEPS_TURN_RUNNER_H_

#include <functional>
#include <string>
#include <vector>

#include "server/engine/runner.h"
#include "server/operations/steps/turn.h"
#include "server/operations/steps/units_runner.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// What another step of the operation has recorded by now; the context has what it had when the
// operation was claimed.
absl::StatusOr<std::string> ResultOf(const Resources& resources, const engine::StepContext& context,
                                     const std::string& step_id);

class TurnRunner : public ServiceRunner {
 public:
  using ServiceRunner::ServiceRunner;
  absl::StatusOr<engine::StepResult> Run(engine::StepContext& context) final;
  absl::StatusOr<engine::StepResult> Undo(engine::StepContext& context) final;
  // A finished one is not taken again.
  absl::StatusOr<bool> IsDone(engine::StepContext& context) override;
  absl::Duration Deadline() const override { return kTurnDeadline; }

 protected:
  // False: the instance is left alone.
  virtual absl::StatusOr<bool> Needs(engine::StepContext&, const store::ClusterRecord&,
                                     const Turn&) {
    return true;
  }
  // Gives the instance a new process.
  virtual absl::Status Do(engine::StepContext& context, const store::ClusterRecord& record,
                          const Turn& turn) = 0;
  // Makes it as it was, also after a part of Do; `ran`: before the operation.
  virtual absl::Status Revert(engine::StepContext& context, const store::ClusterRecord& record,
                              const Turn& turn, bool ran) = 0;
  // What Do, or with `back` Revert, made true of the record; may be empty.
  using Commit = std::function<absl::Status(store::Transaction&)>;
  virtual absl::StatusOr<Commit> Record(const engine::StepContext&, const Turn&, bool /*back*/) {
    return Commit();
  }

 private:
  absl::StatusOr<Turn> TurnOf(const topology::Cluster& cluster, engine::StepContext& context,
                              const std::string& instance) const;
};

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_TURN_RUNNER_H_
