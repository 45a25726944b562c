// The last steps of a destroy.
#include <utility>

#include "common/error.h"
#include "server/operations/plans.h"
#include "server/operations/runners.h"
#include "server/operations/step_input.h"
#include "server/operations/workspace.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

class Remove : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Minutes(10); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto before, LoadBefore(services(), record.cluster.name, Machine(context)));
    hv1::ToHost request;
    *request.mutable_remove_cluster() =
        RemovalOf(record.cluster, Machine(context), before, record.public_key);
    ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
    for (const auto& path : reply.remove_cluster().left()) {
      context.Log(v1::LogLine::LEVEL_WARNING,
                  "left on " + Machine(context) + ", since it is not dmgr's: " + path);
    }
    return StepResult{};
  }
};

class Erase : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    RETURN_IF_ERROR(RemoveClusterDir(ClusterDir(record.cluster.cluster_path, record.cluster.name),
                                     record.cluster.uuid));
    StepResult result;
    result.commit = [cluster = record.cluster.name](store::Transaction& tx) {
      return store::DeleteCluster(tx, cluster);
    };
    return result;
  }
};

}  // namespace

void RegisterDestroyRunners(const Services* services, engine::Registry* registry) {
  registry->Add(kRemove, std::make_unique<Remove>(services));
  registry->Add(kErase, std::make_unique<Erase>(services));
}

}  // namespace dmgr::operations
