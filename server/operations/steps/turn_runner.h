// Base of the runners that take one instance of a running cluster.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_TURN_RUNNER_H_
#define DMGR_SERVER_OPERATIONS_STEPS_TURN_RUNNER_H_

#include <functional>
#include <string>
#include <vector>

#include "dmgr/plan/v1/turns.pb.h"
#include "server/engine/runner.h"
#include "server/operations/steps/turn.h"
#include "server/operations/steps/units_runner.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// The step's parameters have a turn, as pv1::AnyTurn.
class TurnRunner : public ServiceRunner {
 public:
  using ServiceRunner::ServiceRunner;
  // Does nothing, and records that, when the turn is the other step's, or none is needed.
  absl::StatusOr<engine::StepResult> Run(engine::StepContext& context) final;
  absl::StatusOr<engine::StepResult> Undo(engine::StepContext& context) final;
  // A finished one is not taken again.
  absl::StatusOr<bool> IsDone(engine::StepContext& context) override;
  absl::Duration Deadline() const override { return kTurnDeadline; }

 protected:
  // False: the instance is left alone.
  virtual absl::StatusOr<bool> NeedsTurn(engine::StepContext&, const store::ClusterRecord&,
                                         const Turn&) {
    return true;
  }
  // One that does not run is not started.
  virtual absl::StatusOr<bool> StaysStopped(engine::StepContext&, const topology::Instance&) {
    return false;
  }
  // Gives the instance a new process.
  virtual absl::Status RenewProcess(engine::StepContext& context,
                                    const store::ClusterRecord& record, const Turn& turn) = 0;
  // Makes it as it was, also after a part of RenewProcess; `ran`: before the operation.
  virtual absl::Status RestoreProcess(engine::StepContext& context,
                                      const store::ClusterRecord& record, const Turn& turn,
                                      bool ran) = 0;
  // What RenewProcess, or with `back` RestoreProcess, made true of the record; may be empty.
  using Commit = std::function<absl::Status(store::Transaction&)>;
  virtual absl::StatusOr<Commit> CommitOf(const engine::StepContext&, const Turn&, bool /*back*/) {
    return Commit();
  }

 private:
  absl::StatusOr<Turn> TurnOf(const topology::Cluster& cluster, engine::StepContext& context,
                              const pv1::TurnParams& params) const;
};

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_TURN_RUNNER_H_
