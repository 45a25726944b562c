// Bases of the code of steps, and what all of it reads before it acts.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_RUNNER_H_
#define DMGR_SERVER_OPERATIONS_STEPS_RUNNER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/error.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/runner.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/steps/host_scope.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// Base of the runners: each has the resources and nothing else.
class Runner : public engine::StepRunner {
 public:
  explicit Runner(const Resources* resources) : resources_(resources) {}

 protected:
  const Resources& resources() const { return *resources_; }

 private:
  const Resources* resources_;
};

// Base of steps that change something of which nobody needs the old state: a rollback leaves it as
// it is.
class ForwardRunner : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<engine::StepResult> Undo(engine::StepContext&) final {
    return engine::StepResult{};
  }
  absl::StatusOr<bool> IsDone(engine::StepContext&) final { return true; }
};

// Base of steps that only look: there is nothing to take back, and what they recorded stays.
class ReadOnlyRunner : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
};

// Base of steps behind the point of no return, of which much would be missed: there is no rollback.
class NoReturnRunner : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<engine::StepResult> Undo(engine::StepContext& context) final;
  absl::StatusOr<bool> IsDone(engine::StepContext&) override { return true; }
};

// What the step was told. INTERNAL with reason STEP_UNREADABLE.
template <typename Params>
absl::StatusOr<Params> ParamsOf(const engine::StepContext& context) {
  Params params;
  RETURN_IF_ERROR(ReadStep(context.step().payload_json, &params));
  return params;
}

// Reads a stored result; nullopt: none is recorded, the step has not succeeded.
template <typename Result>
absl::StatusOr<std::optional<Result>> ReadResult(const std::string& json) {
  if (json == "{}") return std::nullopt;
  Result result;
  RETURN_IF_ERROR(ReadStep(json, &result));
  return result;
}

// What the step itself has recorded before it is undone, or looked at again.
template <typename Result>
absl::StatusOr<std::optional<Result>> OwnResult(const engine::StepContext& context) {
  return ReadResult<Result>(context.step().result_json);
}

// What another step of the operation has recorded by now.
template <typename Result>
absl::StatusOr<std::optional<Result>> ResultOf(engine::StepContext& context,
                                               const std::string& step_id) {
  ASSIGN_OR_RETURN(const std::string json, context.ResultOf(step_id));
  return ReadResult<Result>(json);
}

// The cluster that the step's operation is about.
absl::StatusOr<store::ClusterRecord> LoadCluster(const Resources& resources,
                                                 engine::StepContext& context);

// A package; read once by all steps of an operation.
absl::StatusOr<v1::Package> LoadPackage(const Resources& resources, engine::StepContext& context,
                                        const std::string& version);

// The cluster with the instances only that the step is about: those that its parameters name, all
// when they name none.
absl::StatusOr<topology::Cluster> ConcernedBy(const engine::StepContext& context,
                                              const topology::Cluster& cluster);

// Removes everything of the cluster from the step's host, by the record of what was there before,
// and says in the log what stays. Exporters that other clusters use are given to one of those.
// Idempotent.
absl::Status RemoveFromHost(const Resources& resources, engine::StepContext& context);

// The same for some of the cluster's instances; what they share with the others there stays.
absl::Status RemoveFromHost(const Resources& resources, engine::StepContext& context,
                            const store::ClusterRecord& record, const topology::Cluster& leaving);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_RUNNER_H_
