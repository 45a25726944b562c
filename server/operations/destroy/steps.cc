// The last steps of a destroy.
#include <algorithm>
#include <utility>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/clusters/workspace.h"
#include "server/engine/runner.h"
#include "server/operations/destroy/destroy.h"
#include "server/operations/destroy/plan.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

class Remove : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::Duration Deadline() const override { return absl::Minutes(10); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    RETURN_IF_ERROR(RemoveFromHost(resources(), context));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    // Anew: what another cluster has taken over is none of this one's any more.
    ASSIGN_OR_RETURN(
        const auto record,
        clusters::FindCluster(resources(), context.operation().operation.cluster_name()));
    ASSIGN_OR_RETURN(const auto units,
                     UnitStates(context, record.cluster.OnMachine(Machine(context))));
    return std::none_of(units.begin(), units.end(), [](const auto& unit) { return unit.loaded(); });
  }
};

class Erase : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(clusters::RemoveClusterDir(
        ClusterDir(record.cluster.cluster_path, record.cluster.name), record.cluster.uuid));
    StepResult result;
    result.commit = [cluster = record.cluster.name](store::Transaction& tx) {
      return store::DeleteCluster(tx, cluster);
    };
    return result;
  }
};

}  // namespace

void RegisterDestroyRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kRemove, std::make_unique<Remove>(resources));
  registry->Add(kErase, std::make_unique<Erase>(resources));
}

}  // namespace dmgr::operations
