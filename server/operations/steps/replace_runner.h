// Base of the runners that give an instance of a running cluster something else to run, and put it
// back when it does not get healthy with it.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_REPLACE_RUNNER_H_
#define DMGR_SERVER_OPERATIONS_STEPS_REPLACE_RUNNER_H_

#include <string>

#include "server/engine/runner.h"
#include "server/operations/steps/turn.h"
#include "server/operations/steps/turn_runner.h"
#include "server/operations/steps/units_runner.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// What an instance runs after a step, and before it, in words: "v7.5.2", "v7.5.1".
struct Replacement {
  std::string next;
  std::string before;
  // Reason of the error when it does not get healthy: "UPGRADE_FAILED".
  std::string reason;
};

// Puts instances of the step's machine on the host as a version has them, each with the patch that
// it carries in `record`. What an administrator disabled stays so.
absl::Status PlaceAt(const Resources& resources, engine::StepContext& context,
                     const store::ClusterRecord& record, const std::string& version,
                     const Instances& instances);

class ReplaceRunner : public TurnRunner {
 public:
  using TurnRunner::TurnRunner;

 protected:
  virtual absl::StatusOr<Replacement> Describe(const engine::StepContext& context) const = 0;
  // Puts the new files on the host, or with `back` the old ones, with no restart.
  virtual absl::Status PlaceFiles(engine::StepContext& context, const store::ClusterRecord& record,
                                  const topology::Instance& instance, bool back) = 0;

  // Has the process run with what was placed.
  virtual absl::Status ApplyFiles(engine::StepContext& context, const store::ClusterRecord& record,
                                  const topology::Instance& instance);

  absl::Status RenewProcess(engine::StepContext& context, const store::ClusterRecord& record,
                            const Turn& turn) final;
  absl::Status RestoreProcess(engine::StepContext& context, const store::ClusterRecord& record,
                              const Turn& turn, bool ran) final;

 private:
  absl::Status PutBack(engine::StepContext& context, const store::ClusterRecord& record,
                       const Turn& turn, const absl::Status& why);
};

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_REPLACE_RUNNER_H_
