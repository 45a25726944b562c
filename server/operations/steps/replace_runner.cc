#include "server/operations/steps/replace_runner.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units.h"
#include "server/render/render.h"

namespace dmgr::operations {

using engine::StepContext;

absl::Status PlaceAt(const Resources& resources, StepContext& context,
                     const store::ClusterRecord& record, const std::string& version,
                     const Instances& instances) {
  store::ClusterRecord target = record;
  target.cluster.version = version;
  ASSIGN_OR_RETURN(const auto package, LoadPackage(resources, context, version));
  ASSIGN_OR_RETURN(const auto before,
                   clusters::LoadBefore(resources, record.cluster.name, Machine(context)));
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(target)));
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
  std::set<std::string> disabled;
  for (const auto& unit : units) {
    if (unit.loaded() && !unit.enabled()) disabled.insert(unit.unit());
  }
  ASSIGN_OR_RETURN(auto request,
                   Installation(resources, target, instances, package, before, files, disabled));
  return Hosts(context).Call(context, std::move(request)).status();
}

absl::Status ReplaceRunner::ApplyFiles(StepContext& context, const store::ClusterRecord& record,
                                       const topology::Instance& instance) {
  return RestartInstances(context, record.cluster, {&instance});
}

absl::Status ReplaceRunner::RenewProcess(StepContext& context, const store::ClusterRecord& record,
                                         const Turn& turn) {
  ASSIGN_OR_RETURN(const bool stopped, StaysStopped(context, *turn.instance));
  if (stopped) return PlaceFiles(context, record, *turn.instance, /*back=*/false);
  bool touched = false;
  absl::Status taken = RestartInTurn(context, turn, [&]() -> absl::Status {
    touched = true;
    RETURN_IF_ERROR(PlaceFiles(context, record, *turn.instance, /*back=*/false));
    return ApplyFiles(context, record, *turn.instance);
  });
  // What can be tried again, or was told to end, is not the fault of what is new.
  if (taken.ok() || !touched || context.Cancelled() || absl::IsUnavailable(taken)) return taken;
  return PutBack(context, record, turn, taken);
}

absl::Status ReplaceRunner::RestoreProcess(StepContext& context, const store::ClusterRecord& record,
                                           const Turn& turn, bool ran) {
  const auto place = [&] { return PlaceFiles(context, record, *turn.instance, /*back=*/true); };
  if (!ran) {
    RETURN_IF_ERROR(StopInstances(context, {turn.instance}));
    return place();
  }
  return RestartInTurn(context, turn, [&]() -> absl::Status {
    RETURN_IF_ERROR(place());
    return ApplyFiles(context, record, *turn.instance);
  });
}

absl::Status ReplaceRunner::PutBack(StepContext& context, const store::ClusterRecord& record,
                                    const Turn& turn, const absl::Status& why) {
  ASSIGN_OR_RETURN(const Replacement what, Describe(context));
  const std::string& name = turn.instance->name;
  const std::string& id = context.operation().operation.operation_id();
  // The reason is on the first line, what else was said on the others.
  const std::string_view reason = Message(why).substr(0, Message(why).find('\n'));
  context.Log(v1::LogLine::LEVEL_WARNING,
              fmt::format("{} is put back to {}: {}", name, what.before, reason));
  absl::Status back = PlaceFiles(context, record, *turn.instance, /*back=*/true);
  if (back.ok()) back = ApplyFiles(context, record, *turn.instance);
  const std::string now =
      back.ok() ? "runs " + what.before + " again"
                : fmt::format("could not be put back to {} ({})", what.before, Message(back));
  return Error(why.code(), what.reason, "{}; {} does not get healthy with {}, and {}{}", reason,
               name, what.next, now, Message(why).substr(reason.size()))
      .With("instance", name)
      .With("machine", turn.instance->machine_id)
      .Remedy("mend the cause, then resume the operation; or go back to " + what.before +
              " by a rollback")
      .Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", id}})
      .Next(v1::ACTION_ROLLBACK_OPERATION, {{"operation_id", id}});
}

}  // namespace dmgr::operations
