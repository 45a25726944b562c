// The steps of start, stop, enable and disable, and the record of a cluster's state.
#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/engine/runner.h"
#include "server/operations/plan/units.h"
#include "server/operations/service/plan.h"
#include "server/operations/service/service.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units.h"
#include "server/operations/steps/units_runner.h"
#include "server/resources/resources.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;

// Records which units run before any is started or stopped: a rollback goes by that.
class SurveyUnits : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
    pv1::UnitsSeen seen;
    for (const auto& unit : units) {
      if (IsActive(unit)) seen.add_active(unit.unit());
      if (unit.enabled()) seen.add_enabled(unit.unit());
    }
    for (const auto* instance : instances) {
      auto* wanted = seen.add_wanted();
      wanted->set_instance(instance->name);
      wanted->set_running(instance->wanted_running);
      wanted->set_enabled(instance->wanted_enabled);
    }
    return StepResult{.result_json = StepJson(seen), .commit = nullptr};
  }
};

class Start : public ServiceRunner {
 public:
  using ServiceRunner::ServiceRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    RETURN_IF_ERROR(StartInstances(context, record.cluster, instances));
    return WantRunning(context, instances, true);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(const auto idle, ThatWere(false, instances, context));
    if (!idle.empty()) RETURN_IF_ERROR(StopInstances(context, idle));
    return WantAsBefore(context, instances);
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override { return AllAre(true, context); }
};

// before_start: the first half of a restart of all at once, of which nobody wants that they stay
// stopped; what comes after it starts them again.
class Stop : public ServiceRunner {
 public:
  Stop(const Resources* resources, bool before_start)
      : ServiceRunner(resources), before_start_(before_start) {}

  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    RETURN_IF_ERROR(EndIdleWorkers(context, record.cluster, instances));
    RETURN_IF_ERROR(StopInstances(context, instances));
    return before_start_ ? StepResult{} : WantRunning(context, instances, false);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(const auto ran, ThatWere(true, instances, context));
    if (!ran.empty()) RETURN_IF_ERROR(StartInstances(context, record.cluster, ran));
    return WantAsBefore(context, instances);
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    return before_start_ ? true : AllAre(false, context);
  }

 private:
  const bool before_start_;
};

// Sets the recorded state of the cluster, once everything that it says is true.
class RecordState : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto wanted, ParamsOf<pv1::StateParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    StepResult result = Set(context, wanted.state());
    // Nobody else changes it while the operation holds the cluster.
    pv1::StateParams before;
    before.set_state(record.state);
    result.result_json = StepJson(before);
    return result;
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto before, OwnResult<pv1::StateParams>(context));
    // One that was not committed changed nothing.
    return before.has_value() ? Set(context, before->state()) : StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  static StepResult Set(const StepContext& context, v1::ClusterState state) {
    StepResult result;
    result.commit = [cluster = context.operation().operation.cluster_name(),
                     state](store::Transaction& tx) {
      return store::SetClusterState(tx, cluster, state);
    };
    return result;
  }
};

class BootRunner : public ServiceRunner {
 public:
  BootRunner(const Resources* resources, bool enabled)
      : ServiceRunner(resources), enabled_(enabled) {}

  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    RETURN_IF_ERROR(Set(context, instances, enabled_));
    return WantEnabled(context, instances, enabled_);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(const auto seen, UnitsBefore(context));
    const std::set<std::string> enabled(seen.enabled().begin(), seen.enabled().end());
    Instances changed;
    std::copy_if(instances.begin(), instances.end(), std::back_inserter(changed),
                 [&](const Instance* i) { return enabled.contains(i->Unit()) != enabled_; });
    RETURN_IF_ERROR(Set(context, changed, !enabled_));
    return WantAsBefore(context, instances);
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
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

void RegisterServiceRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kSurveyUnits, std::make_unique<SurveyUnits>(resources));
  registry->Add(kStart, std::make_unique<Start>(resources));
  registry->Add(kStop, std::make_unique<Stop>(resources, false));
  registry->Add(kStopToStart, std::make_unique<Stop>(resources, true));
  registry->Add(kRecordState, std::make_unique<RecordState>(resources));
  registry->Add(kEnable, std::make_unique<BootRunner>(resources, true));
  registry->Add(kDisable, std::make_unique<BootRunner>(resources, false));
}

}  // namespace dmgr::operations
