// The step that only a clean has.
#include <memory>

#include "server/engine/runner.h"
#include "server/operations/clean/clean.h"
#include "server/operations/clean/plan.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units_runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

class CheckStopped : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    RETURN_IF_ERROR(RequireInactive(context, instances, "be cleaned"));
    return StepResult{};
  }
};

}  // namespace

void RegisterCleanRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kCheckStopped, std::make_unique<CheckStopped>(resources));
}

}  // namespace dmgr::operations
