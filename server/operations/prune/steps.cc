// The steps of a prune.
#include <memory>
#include <string>

#include "dmgr/plan/v1/prune.pb.h"
#include "server/engine/runner.h"
#include "server/operations/prune/plan.h"
#include "server/operations/prune/prune.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Component;

class PruneMember : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::Duration Deadline() const override { return absl::Minutes(3); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::PruneParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    if (params.component() == topology::Name(Component::kDmMaster)) {
      RETURN_IF_ERROR(LetMastersGo(context, record.cluster, {params.name()}));
    } else {
      RETURN_IF_ERROR(LetWorkerGo(context, record.cluster, params.name()));
    }
    return StepResult{};
  }
};

}  // namespace

void RegisterPruneRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kPruneMember, std::make_unique<PruneMember>(resources));
}

}  // namespace dmgr::operations
