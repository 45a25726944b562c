// The steps of start and stop, and the record of a cluster's state.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/error.h"
#include "server/operations/plans.h"
#include "server/operations/runners.h"
#include "server/operations/service.h"
#include "server/operations/step_input.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;
using Instances = std::vector<const Instance*>;

bool IsActive(const hv1::UnitState& unit) { return unit.active_state() == "active"; }

// Of the cluster, those that the step names.
absl::StatusOr<Instances> InstancesOf(const topology::Cluster& cluster,
                                      const StepContext& context) {
  InstancesParams params;
  RETURN_IF_ERROR(FromJson(context.step().payload_json, &params));
  Instances instances;
  for (const auto& name : params.instances) {
    for (const auto& instance : cluster.instances) {
      if (instance.name == name) instances.push_back(&instance);
    }
  }
  return instances;
}

// Records which units run before any is started or stopped: a rollback goes by that.
class SurveyUnits : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
    UnitsSeen seen;
    for (const auto& unit : units) {
      if (IsActive(unit)) seen.active.push_back(unit.unit());
    }
    StepResult result;
    result.result_json = ToJson(seen);
    return result;
  }
};

// Base of start and stop.
class Service : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return kServiceDeadline; }

 protected:
  // Of instances, those that ran, or did not, before the operation.
  static absl::StatusOr<Instances> ThatWere(bool active, const Instances& instances,
                                            const StepContext& context) {
    const std::string survey = Machine(context) + "/" + kUnitsStep;
    for (const auto& step : context.operation().steps) {
      if (step.step.step_id() != survey) continue;
      UnitsSeen seen;
      RETURN_IF_ERROR(FromJson(step.result_json, &seen));
      const std::set<std::string> before(seen.active.begin(), seen.active.end());
      Instances found;
      std::copy_if(instances.begin(), instances.end(), std::back_inserter(found),
                   [&](const Instance* i) { return before.contains(i->Unit()) == active; });
      return found;
    }
    return Error(absl::StatusCode::kInternal, "STEP_MISSING",
                 "the operation has no record of what ran on {} before", Machine(context));
  }

  // Whether all units of the step are active, or none is.
  absl::StatusOr<bool> AllAre(bool active, StepContext& context) const {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
    return std::all_of(units.begin(), units.end(),
                       [&](const auto& unit) { return IsActive(unit) == active; });
  }
};

class Start : public Service {
 public:
  using Service::Service;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    RETURN_IF_ERROR(StartInstances(context, record.cluster, instances));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(instances, ThatWere(false, instances, context));
    if (!instances.empty()) RETURN_IF_ERROR(StopInstances(context, instances));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override { return AllAre(true, context); }
};

class Stop : public Service {
 public:
  using Service::Service;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    RETURN_IF_ERROR(StopInstances(context, instances));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(instances, ThatWere(true, instances, context));
    if (!instances.empty()) {
      RETURN_IF_ERROR(StartInstances(context, record.cluster, instances));
    }
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override { return AllAre(false, context); }
};

// Sets the recorded state of the cluster, once everything that it says is true.
class RecordState : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    StateParams wanted;
    RETURN_IF_ERROR(FromJson(context.step().payload_json, &wanted));
    ASSIGN_OR_RETURN(auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(StepResult result, Set(context, wanted));
    // Nobody else changes it while the operation holds the cluster.
    result.result_json = ToJson(StateParams{v1::ClusterState_Name(record.state)});
    return result;
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    StateParams before;
    // One that was not committed changed nothing.
    if (context.step().result_json == "{}") return StepResult{};
    RETURN_IF_ERROR(FromJson(context.step().result_json, &before));
    return Set(context, before);
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  static absl::StatusOr<StepResult> Set(const StepContext& context, const StateParams& params) {
    StepResult result;
    v1::ClusterState state = v1::CLUSTER_STATE_UNSPECIFIED;
    if (params.state.empty()) return result;
    if (!v1::ClusterState_Parse(params.state, &state)) {
      return Error(absl::StatusCode::kInternal, "STEP_UNREADABLE", "unknown cluster state {}",
                   params.state);
    }
    result.commit = [cluster = context.operation().operation.cluster_name(),
                     state](store::Transaction& tx) {
      return store::SetClusterState(tx, cluster, state);
    };
    return result;
  }
};

}  // namespace

void RegisterServiceRunners(const Services* services, engine::Registry* registry) {
  registry->Add(kSurveyUnits, std::make_unique<SurveyUnits>(services));
  registry->Add(kStart, std::make_unique<Start>(services));
  registry->Add(kStop, std::make_unique<Stop>(services));
  registry->Add(kRecordState, std::make_unique<RecordState>(services));
}

}  // namespace dmgr::operations
