// The steps of a restart, one instance after another.
#include <memory>

#include "absl/status/status.h"
#include "common/error.h"
#include "server/engine/runner.h"
#include "server/operations/plan/turns.h"
#include "server/operations/restart/plan.h"
#include "server/operations/restart/restart.h"
#include "server/operations/steps/turn.h"
#include "server/operations/steps/turn_runner.h"
#include "server/operations/steps/units.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;

class Restart : public TurnRunner {
 public:
  using TurnRunner::TurnRunner;

 protected:
  absl::Status RenewProcess(StepContext& context, const store::ClusterRecord& record,
                            const Turn& turn) override {
    return RestartInTurn(
        context, turn, [&] { return RestartInstances(context, record.cluster, {turn.instance}); });
  }
  absl::Status RestoreProcess(StepContext& context, const store::ClusterRecord& record,
                              const Turn& turn, bool ran) override {
    if (!ran) return StopInstances(context, {turn.instance});
    RETURN_IF_ERROR(StartInstances(context, record.cluster, {turn.instance}));
    if (turn.instance->component == topology::Component::kDmMaster) {
      AllowLead(context, *turn.instance);
    }
    return absl::OkStatus();
  }
};

}  // namespace

void RegisterRestartRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kRestart, std::make_unique<Restart>(resources));
}

}  // namespace dmgr::operations
