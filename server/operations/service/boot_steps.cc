// The steps of enable and disable.
#include <algorithm>
#include <set>
#include <utility>

#include "common/error.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units_runner.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;

class SetAtBoot : public ServiceRunner {
 public:
  SetAtBoot(const Services* services, bool enabled) : ServiceRunner(services), enabled_(enabled) {}

  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    RETURN_IF_ERROR(Set(context, instances, enabled_));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(const UnitsSeen seen, SeenBefore(context));
    const std::set<std::string> enabled(seen.enabled.begin(), seen.enabled.end());
    Instances changed;
    std::copy_if(instances.begin(), instances.end(), std::back_inserter(changed),
                 [&](const Instance* i) { return enabled.contains(i->Unit()) != enabled_; });
    RETURN_IF_ERROR(Set(context, changed, !enabled_));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
    return std::all_of(units.begin(), units.end(),
                       [&](const auto& unit) { return unit.enabled() == enabled_; });
  }

 private:
  static absl::Status Set(StepContext& context, const Instances& instances, bool enabled) {
    if (instances.empty()) return absl::OkStatus();
    hv1::ToHost request;
    auto* enable = request.mutable_enable_units();
    enable->set_enabled(enabled);
    for (const auto* instance : instances) enable->add_units(instance->Unit());
    return Hosts(context).Call(context, std::move(request)).status();
  }

  const bool enabled_;
};

}  // namespace

void RegisterEnableRunners(const Services* services, engine::Registry* registry) {
  registry->Add(kEnable, std::make_unique<SetAtBoot>(services, true));
  registry->Add(kDisable, std::make_unique<SetAtBoot>(services, false));
}

}  // namespace dmgr::operations
