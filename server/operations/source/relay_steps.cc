// The steps of relay logs. What the dm-masters keep is looked at before it is believed.
#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "dmgr/plan/v1/migrations.pb.h"
#include "server/engine/runner.h"
#include "server/operations/source/plan.h"
#include "server/operations/source/seen.h"
#include "server/operations/source/source.h"
#include "server/operations/steps/migrations.h"
#include "server/operations/steps/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

constexpr absl::Duration kLookAtRelay = absl::Seconds(30);
// DM asks the dm-workers, and these the disk.
constexpr absl::Duration kChangeRelay = absl::Seconds(70);

class SetRelayStep : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Minutes(3); }

  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::RelayParams>(context));
    return Bring(context, params, params.enabled());
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::RelayParams>(context));
    if (params.was_so()) return StepResult{};
    return Bring(context, params, !params.enabled());
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::RelayParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto otherwise,
                     Otherwise(context, record.cluster, params, params.enabled()));
    return otherwise.empty();
  }

 private:
  absl::StatusOr<std::vector<std::string>> Otherwise(StepContext& context,
                                                     const topology::Cluster& cluster,
                                                     const pv1::RelayParams& params,
                                                     bool enabled) const {
    const std::vector<std::string> workers(params.workers().begin(), params.workers().end());
    return OtherwiseInRelay(resources(), cluster, params.source_id(), workers, enabled,
                            WithinStep(context, kLookAtRelay));
  }

  absl::StatusOr<StepResult> Bring(StepContext& context, const pv1::RelayParams& params,
                                   bool enabled) const {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto otherwise, Otherwise(context, record.cluster, params, enabled));
    if (otherwise.empty()) return StepResult{};
    if (params.workers().empty()) otherwise.clear();
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(resources().members->migrations().SetRelay(
        record.cluster, params.source_id(), otherwise, enabled, WithinStep(context, kChangeRelay)));
    return StepResult{};
  }
};

class PurgeRelayStep : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::Duration Deadline() const override { return absl::Minutes(3); }

  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::PurgeRelayParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    pb::PurgeWorkerRelayRequest request;
    request.add_sources(params.source_id());
    request.set_filename(params.before_file());
    request.set_sub_dir(params.sub_dir());
    RETURN_IF_ERROR(context.CheckClaim());
    RETURN_IF_ERROR(resources().members->migrations().PurgeRelay(
        record.cluster, request, WithinStep(context, kChangeRelay)));
    return StepResult{};
  }
};

}  // namespace

void RegisterRelayRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kSetRelay, std::make_unique<SetRelayStep>(resources));
  registry->Add(kPurgeRelay, std::make_unique<PurgeRelayStep>(resources));
}

}  // namespace dmgr::operations
