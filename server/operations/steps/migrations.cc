#include "server/operations/steps/migrations.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "common/steady_time.h"
#include "dmgr/plan/v1/migrations.pb.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/steps/runner.h"

namespace dmgr::operations {
namespace {

store::MigrationKind KindOf(const std::string& word) {
  return word == store::NameOf(store::MigrationKind::kTask) ? store::MigrationKind::kTask
                                                            : store::MigrationKind::kSource;
}

class KeepRevision : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<engine::StepResult> Run(engine::StepContext&) override {
    return engine::StepResult{};
  }
  absl::StatusOr<engine::StepResult> Undo(engine::StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::RevisionParams>(context));
    engine::StepResult result;
    result.commit = [key = MigrationOf(context, KindOf(params.kind()), params.name()),
                     revision = params.revision()](store::Transaction& tx) {
      return store::DropRevision(tx, key, revision);
    };
    return result;
  }
  absl::StatusOr<bool> IsDone(engine::StepContext&) override { return true; }
};

}  // namespace

dm::Within WithinStep(engine::StepContext& context, absl::Duration most) {
  return {.deadline = std::min(context.deadline(), SteadyNow() + most),
          .cancelled = [&context] { return context.Cancelled(); }};
}

store::MigrationKey MigrationOf(const engine::StepContext& context, store::MigrationKind kind,
                                const std::string& name) {
  return {.cluster_uuid = context.operation().operation.cluster_uuid(), .kind = kind, .name = name};
}

engine::Step KeepRevisionStep(store::MigrationKind kind, const std::string& name,
                              std::int64_t revision) {
  pv1::RevisionParams params;
  params.set_kind(store::NameOf(kind));
  params.set_name(name);
  params.set_revision(revision);
  auto step = ControlStep(fmt::format("{}/keep", store::NameOf(kind)),
                          fmt::format("keep the configuration of {} {}", store::NameOf(kind), name),
                          kKeepRevision, {});
  step.payload_json = StepJson(params);
  step.done = true;
  return step;
}

void RegisterMigrationRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kKeepRevision, std::make_unique<KeepRevision>(resources));
}

}  // namespace dmgr::operations
