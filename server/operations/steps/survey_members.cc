#include "server/operations/steps/survey_members.h"

#include <memory>

#include "absl/status/statusor.h"
#include "common/error.h"
#include "server/operations/plan/turns.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/tasks.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

// Records what is bound, and how tasks are, before the first instance is taken.
class SurveyMembers : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto members, AwaitElected(context, record.cluster));
    pv1::MembersSeen seen;
    for (const auto& worker : members.workers) {
      if (!worker.source.empty()) seen.add_sources(worker.source);
    }
    ASSIGN_OR_RETURN(const auto tasks, AwaitAnswer(context, record.cluster));
    const auto alive = migrations::AliveOf(tasks);
    seen.mutable_subtasks()->Assign(alive.begin(), alive.end());
    return StepResult{.result_json = StepJson(seen), .commit = nullptr};
  }
};

}  // namespace

void RegisterSurveyMembers(const Resources* resources, engine::Registry* registry) {
  registry->Add(kSurveyMembers, std::make_unique<SurveyMembers>(resources));
}

}  // namespace dmgr::operations
