// The steps that only a rebuild has.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "server/engine/runner.h"
#include "server/operations/rebuild/plan.h"
#include "server/operations/rebuild/rebuild.h"
#include "server/operations/rebuild/restore_steps.h"
#include "server/operations/steps/carry_over.h"
#include "server/operations/steps/runner.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

// Nothing is given up for a copy that nobody can read.
class CheckCopy : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto copy, KeptCopy(resources(), context));
    context.Log(v1::LogLine::LEVEL_INFO, fmt::format("the copy has {} keys", copy.keys_size()));
    return StepResult{};
  }
};

// What is new and no dm-master is a part of the cluster from now on: dm-workers are told of each
// other and of the founders before they start.
class Admit : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::ScaleParams>(context));
    StepResult result;
    result.commit =
        [cluster = context.operation().operation.cluster_name(),
         names = std::vector<std::string>(params.instances().begin(), params.instances().end())](
            store::Transaction& tx) {
          return store::SetMembership(tx, cluster, names, topology::Membership::kJoined);
        };
    return result;
  }
};

}  // namespace

void RegisterRebuildRunners(const Resources* resources, engine::Registry* registry) {
  RegisterRestoreRunners(resources, registry);
  registry->Add(kCheckCopy, std::make_unique<CheckCopy>(resources));
  registry->Add(kAdmit, std::make_unique<Admit>(resources));
}

}  // namespace dmgr::operations
