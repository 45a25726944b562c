#include "server/operations/steps/units_runner.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "common/error.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;

namespace {

using InstanceNames = std::vector<std::string>;

InstanceNames NamesOf(const Instances& instances) {
  InstanceNames names;
  for (const auto* instance : instances) names.push_back(instance->name);
  return names;
}

}  // namespace

absl::StatusOr<Instances> InstancesOf(const topology::Cluster& cluster,
                                      const StepContext& context) {
  ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::InstancesParams>(context));
  Instances instances;
  for (const auto& name : params.instances()) {
    for (const auto& instance : cluster.instances) {
      if (instance.name == name) instances.push_back(&instance);
    }
  }
  return instances;
}

absl::StatusOr<pv1::UnitsSeen> UnitsBefore(StepContext& context) {
  ASSIGN_OR_RETURN(auto seen,
                   ResultOf<pv1::UnitsSeen>(context, Machine(context) + "/" + kUnitsStep));
  if (seen.has_value()) return *std::move(seen);
  return Error(absl::StatusCode::kInternal, "STEP_MISSING",
               "the operation has no record of what ran on {} before", Machine(context));
}

absl::StatusOr<Instances> ThatWere(bool active, const Instances& instances, StepContext& context) {
  ASSIGN_OR_RETURN(const auto seen, UnitsBefore(context));
  const std::set<std::string> before(seen.active().begin(), seen.active().end());
  Instances found;
  std::copy_if(instances.begin(), instances.end(), std::back_inserter(found),
               [&](const Instance* i) { return before.contains(i->Unit()) == active; });
  return found;
}

StepResult WantRunning(const StepContext& context, const Instances& instances, bool running) {
  StepResult result;
  result.commit = [cluster = context.operation().operation.cluster_name(),
                   names = NamesOf(instances), running](store::Transaction& tx) {
    return store::SetWantedRunning(tx, cluster, names, running);
  };
  return result;
}

StepResult WantEnabled(const StepContext& context, const Instances& instances, bool enabled) {
  StepResult result;
  result.commit = [cluster = context.operation().operation.cluster_name(),
                   names = NamesOf(instances), enabled](store::Transaction& tx) {
    return store::SetWantedEnabled(tx, cluster, names, enabled);
  };
  return result;
}

absl::StatusOr<StepResult> WantAsBefore(StepContext& context, const Instances& instances) {
  ASSIGN_OR_RETURN(const auto seen, UnitsBefore(context));
  const InstanceNames names = NamesOf(instances);
  std::vector<pv1::WantedSeen> before;
  std::copy_if(seen.wanted().begin(), seen.wanted().end(), std::back_inserter(before),
               [&](const pv1::WantedSeen& one) {
                 return std::find(names.begin(), names.end(), one.instance()) != names.end();
               });
  StepResult result;
  result.commit = [cluster = context.operation().operation.cluster_name(),
                   before](store::Transaction& tx) -> absl::Status {
    for (const auto& one : before) {
      RETURN_IF_ERROR(store::SetWantedRunning(tx, cluster, {one.instance()}, one.running()));
      RETURN_IF_ERROR(store::SetWantedEnabled(tx, cluster, {one.instance()}, one.enabled()));
    }
    return absl::OkStatus();
  };
  return result;
}

absl::StatusOr<bool> ServiceRunner::AllAre(bool active, StepContext& context) const {
  ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
  ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
  return std::all_of(units.begin(), units.end(),
                     [&](const auto& unit) { return IsActive(unit) == active; });
}

absl::Status RequireInactive(StepContext& context, const Instances& instances,
                             const std::string& otherwise) {
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
  for (const auto& unit : units) {
    if (!IsActive(unit)) continue;
    const std::string& machine = Machine(context);
    return Error(absl::StatusCode::kFailedPrecondition, "INSTANCE_RUNS",
                 "{} on {} runs, so that it cannot {}", unit.unit(), machine, otherwise)
        .With("machine", machine)
        .Remedy("stop it, then resume the operation")
        .Next(v1::ACTION_RESUME_OPERATION,
              {{"operation_id", context.operation().operation.operation_id()}});
  }
  return absl::OkStatus();
}

}  // namespace dmgr::operations
