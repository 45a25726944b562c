// The steps of a restart, one instance after another.
#include <utility>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/members/probe.h"
#include "server/operations/plan/turns.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/turn_runner.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

// Records what is bound before the first instance is taken.
class SurveyMembers : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(const auto members, GetMembers(record.cluster, absl::Now() + absl::Seconds(20),
                                                    [&] { return context.Cancelled(); }));
    MembersSeen seen;
    for (const auto& worker : members.workers) {
      if (!worker.source.empty()) seen.sources.push_back(worker.source);
    }
    StepResult result;
    result.result_json = ToJson(seen);
    return result;
  }
};

class Restart : public TurnRunner {
 public:
  using TurnRunner::TurnRunner;

 protected:
  absl::Status Do(StepContext& context, const store::ClusterRecord& record,
                  const Turn& turn) override {
    return Take(context, turn,
                [&] { return RestartInstances(context, record.cluster, {turn.instance}); });
  }
  absl::Status Revert(StepContext& context, const store::ClusterRecord& record, const Turn& turn,
                      bool ran) override {
    if (!ran) return StopInstances(context, {turn.instance});
    RETURN_IF_ERROR(StartInstances(context, record.cluster, {turn.instance}));
    if (turn.instance->component == topology::Component::kDmMaster) {
      AllowLead(context, *turn.instance);
    }
    return absl::OkStatus();
  }
};

}  // namespace

void RegisterRollingRunners(const Services* services, engine::Registry* registry) {
  registry->Add(kSurveyMembers, std::make_unique<SurveyMembers>(services));
  registry->Add(kRestart, std::make_unique<Restart>(services));
}

}  // namespace dmgr::operations
