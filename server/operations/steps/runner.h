// Base of the code of steps, and what all of it reads before it acts.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_RUNNER_H_
#define DMGR_SERVER_OPERATIONS_STEPS_RUNNER_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/runner.h"
#include "server/operations/steps/host_scope.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// Base of the runners: each has the services and nothing else.
class Runner : public engine::StepRunner {
 public:
  explicit Runner(const Resources* resources) : resources_(resources) {}

 protected:
  const Resources& resources() const { return *resources_; }
  static HostScope& Hosts(engine::StepContext& context) {
    return static_cast<HostScope&>(context.scope());
  }
  static const std::string& Machine(const engine::StepContext& context) {
    return context.step().step.host();
  }

 private:
  const Resources* resources_;
};

// Of steps that only look: there is nothing to take back, and what they recorded stays.
class ReadOnlyRunner : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<engine::StepResult> Undo(engine::StepContext&) final {
    return engine::StepResult{};
  }
  absl::StatusOr<bool> IsDone(engine::StepContext&) final { return true; }
};

// The cluster that the step's operation is about.
absl::StatusOr<store::ClusterRecord> LoadCluster(const Resources& resources,
                                                 engine::StepContext& context);

// The same in a step; read once by all steps of an operation.
absl::StatusOr<v1::Package> LoadPackage(const Resources& resources, engine::StepContext& context,
                                        const std::string& version);

// Of the cluster, the instances that the step is about: those that its parameters name, all when
// they name none.
absl::StatusOr<topology::Cluster> ConcernedBy(const engine::StepContext& context,
                                              const topology::Cluster& cluster);

// Removes everything of the cluster from the step's host, by the record of what was there before,
// and says in the log what stays. Idempotent.
absl::Status RemoveFromHost(const Resources& resources, engine::StepContext& context);

// The same of some of the cluster's instances; what they share with the others there stays.
absl::Status RemoveFromHost(const Resources& resources, engine::StepContext& context,
                            const store::ClusterRecord& record, const topology::Cluster& leaving);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_RUNNER_H_
