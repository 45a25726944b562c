#include "server/operations/steps/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/error.h"
#include "common/short_status.h"
#include "common/steady_time.h"
#include "server/clusters/conflicts.h"
#include "server/dm/client.h"
#include "server/operations/steps/host_scope.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using topology::Component;
using topology::Instance;

// Time for one look at the member list; without quorum it hangs (DM 7.5.1).
constexpr absl::Duration kProbeTimeout = absl::Seconds(3);
constexpr absl::Duration kActiveTimeout = absl::Seconds(30);
// A dm-worker that has nothing to wait for ends within 0.2 s.
constexpr absl::Duration kIdlePatience = absl::Seconds(1);

hv1::ToHost UnitsRequest(hv1::ControlUnits::Verb verb, absl::Duration timeout,
                         const std::vector<const Instance*>& instances) {
  hv1::ToHost request;
  auto* control = request.mutable_control_units();
  control->set_verb(verb);
  control->set_timeout_ms(static_cast<std::uint32_t>(absl::ToInt64Milliseconds(timeout)));
  for (const auto* instance : instances) control->add_units(instance->Unit());
  return request;
}

// A process that is not ours on one of our ports would answer in place of ours.
absl::Status CheckPorts(StepContext& context, const topology::Cluster& cluster,
                        const std::vector<const Instance*>& instances) {
  hv1::ToHost request;
  *request.mutable_inspect() = clusters::InspectionOf(cluster, Machine(context));
  request.mutable_inspect()->clear_paths();
  ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
  const auto conflicts = clusters::StartConflicts(instances, reply.inspect());
  if (conflicts.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "PORT_IN_USE", "{}",
               Findings("machine " + Machine(context), conflicts))
      .With("machine", Machine(context))
      .Remedy("end that process, then resume the operation")
      .Next(v1::ACTION_RESUME_OPERATION,
            {{"operation_id", context.operation().operation.operation_id()}});
}

absl::Status Control(StepContext& context, hv1::ControlUnits::Verb verb, absl::Duration timeout,
                     const std::vector<const Instance*>& instances) {
  return Hosts(context).Call(context, UnitsRequest(verb, timeout, instances)).status();
}

absl::Status Kill(StepContext& context, const std::vector<const Instance*>& instances,
                  const std::string& why) {
  for (const auto* instance : instances) {
    context.Log(v1::LogLine::LEVEL_INFO, fmt::format("{} {}: killed", instance->name, why));
  }
  return Control(context, hv1::ControlUnits::VERB_KILL, kStopTimeout, instances);
}

// The dm-workers among the instances that DM lists in that stage; none when it does not answer.
std::vector<const Instance*> ListedAs(StepContext& context, const topology::Cluster& cluster,
                                      const std::string& stage,
                                      const std::vector<const Instance*>& instances) {
  std::vector<const Instance*> workers;
  std::copy_if(instances.begin(), instances.end(), std::back_inserter(workers),
               [](const Instance* i) { return i->component == Component::kDmWorker; });
  if (workers.empty()) return workers;
  const absl::Time deadline = std::min(context.deadline(), SteadyNow() + kProbeTimeout);
  const auto listed =
      MembersBy(context).GetMembers(cluster, deadline, [&] { return context.Cancelled(); });
  std::erase_if(workers, [&](const Instance* instance) {
    const dm::Worker* worker = listed.ok() ? listed->FindWorker(instance->name) : nullptr;
    return worker == nullptr || worker->stage != stage;
  });
  return workers;
}

absl::Status BringUp(StepContext& context, const topology::Cluster& cluster,
                     const std::vector<const Instance*>& instances, hv1::ControlUnits::Verb verb,
                     absl::Duration timeout, FirstCrash first_crash) {
  RETURN_IF_ERROR(CheckPorts(context, cluster, instances));
  ASSIGN_OR_RETURN(const auto before, MarkLogs(context, instances));
  const absl::Status told = Control(context, verb, timeout, instances);
  if (!told.ok()) return ExplainStart(context, instances, before, told);
  return AwaitReady(context, cluster, instances, before, first_crash);
}

}  // namespace

absl::StatusOr<std::vector<hv1::UnitState>> UnitStates(
    StepContext& context, const std::vector<const Instance*>& instances) {
  // Those of the step may have been removed since: a resume asks for them.
  if (instances.empty()) return std::vector<hv1::UnitState>();
  hv1::ToHost request;
  for (const auto* instance : instances) request.mutable_query_units()->add_units(instance->Unit());
  ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
  const auto& units = reply.unit_states().units();
  return std::vector<hv1::UnitState>(units.begin(), units.end());
}

absl::Status StartInstances(StepContext& context, const topology::Cluster& cluster,
                            const std::vector<const Instance*>& instances, FirstCrash first_crash) {
  return BringUp(context, cluster, instances, hv1::ControlUnits::VERB_START, kActiveTimeout,
                 first_crash);
}

absl::Status RestartInstances(StepContext& context, const topology::Cluster& cluster,
                              const std::vector<const Instance*>& instances) {
  RETURN_IF_ERROR(EndIdleWorkers(context, cluster, instances));
  return BringUp(context, cluster, instances, hv1::ControlUnits::VERB_RESTART,
                 kStopTimeout + kActiveTimeout, FirstCrash::kIsForgiven);
}

absl::Status StopInstances(StepContext& context, const std::vector<const Instance*>& instances) {
  return Control(context, hv1::ControlUnits::VERB_STOP, kStopTimeout, instances);
}

absl::Status TellInstancesToStop(StepContext& context,
                                 const std::vector<const Instance*>& instances) {
  return Control(context, hv1::ControlUnits::VERB_TELL_STOP, kStopTimeout, instances);
}

absl::Status EndInstances(StepContext& context, const std::vector<const Instance*>& instances,
                          absl::Duration patience) {
  if (patience <= absl::ZeroDuration()) {
    return Control(context, hv1::ControlUnits::VERB_KILL, kStopTimeout, instances);
  }
  const absl::Status stopped = Control(context, hv1::ControlUnits::VERB_STOP, patience, instances);
  if (!absl::IsDeadlineExceeded(stopped) || context.Cancelled()) return stopped;
  return Kill(context, instances,
              fmt::format("has not ended within {}", absl::FormatDuration(patience)));
}

absl::Status EndIdleWorkers(StepContext& context, const topology::Cluster& cluster,
                            const std::vector<const Instance*>& instances) {
  const std::vector<const Instance*> idle = ListedAs(context, cluster, "free", instances);
  if (idle.empty()) return absl::OkStatus();
  const absl::Status stopped = Control(context, hv1::ControlUnits::VERB_STOP, kIdlePatience, idle);
  if (!absl::IsDeadlineExceeded(stopped) || context.Cancelled()) return stopped;
  const std::vector<const Instance*> ended = ListedAs(context, cluster, "offline", idle);
  return ended.empty() ? absl::OkStatus() : Kill(context, ended, "is offline and has not ended");
}

}  // namespace dmgr::operations
