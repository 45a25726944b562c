#include "server/operations/steps/units_runner.h"

#include <algorithm>
#include <set>

#include "common/error.h"

namespace dmgr::operations {

using engine::StepContext;
using topology::Instance;

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

absl::StatusOr<UnitsSeen> ServiceRunner::SeenBefore(const StepContext& context) {
  const std::string survey = Machine(context) + "/" + kUnitsStep;
  for (const auto& step : context.operation().steps) {
    if (step.step.step_id() != survey) continue;
    UnitsSeen seen;
    RETURN_IF_ERROR(FromJson(step.result_json, &seen));
    return seen;
  }
  return Error(absl::StatusCode::kInternal, "STEP_MISSING",
               "the operation has no record of what ran on {} before", Machine(context));
}

absl::StatusOr<Instances> ServiceRunner::ThatWere(bool active, const Instances& instances,
                                                  const StepContext& context) {
  ASSIGN_OR_RETURN(const UnitsSeen seen, SeenBefore(context));
  const std::set<std::string> before(seen.active.begin(), seen.active.end());
  Instances found;
  std::copy_if(instances.begin(), instances.end(), std::back_inserter(found),
               [&](const Instance* i) { return before.contains(i->Unit()) == active; });
  return found;
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
    const std::string& machine = context.step().step.host();
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
