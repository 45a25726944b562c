#include "server/operations/steps/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/clusters/conflicts.h"
#include "server/dm/client.h"
#include "server/members/poll.h"
#include "server/members/probe.h"
#include "server/operations/steps/host_scope.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using topology::Component;
using topology::Instance;
using RestartCounts = std::map<std::string, std::uint32_t>;

// Time for one look at the member list; without quorum it hangs (DM 7.5.1).
constexpr absl::Duration kProbeTimeout = absl::Seconds(3);
constexpr absl::Duration kActiveTimeout = absl::Seconds(30);
constexpr int kLogLines = 20;
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
  return Error(absl::StatusCode::kFailedPrecondition, "PORT_IN_USE", "machine {}: {}",
               Machine(context), fmt::join(conflicts, "; "))
      .With("machine", Machine(context))
      .Remedy("end that process, then resume the operation")
      .Next(v1::ACTION_RESUME_OPERATION,
            {{"operation_id", context.operation().operation.operation_id()}});
}

absl::StatusOr<RestartCounts> Restarts(StepContext& context,
                                       const std::vector<const Instance*>& instances) {
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
  RestartCounts counts;
  for (const auto& unit : units) counts[unit.unit()] = unit.restarts();
  return counts;
}

// Takes out of pending what is ready; reason tells of the first that is not.
absl::Status DropReady(StepContext& context, const topology::Cluster& cluster,
                       std::vector<const Instance*>* pending, std::string* reason) {
  absl::StatusOr<dm::Members> members = absl::UnknownError("not asked");
  std::vector<const Instance*> left;
  for (const auto* instance : *pending) {
    const absl::Time deadline = std::min(context.deadline(), absl::Now() + kProbeTimeout);
    std::string problem;
    if (instance->IsDm()) {
      if (absl::IsUnknown(members.status())) {
        members =
            MembersBy(context).GetMembers(cluster, deadline, [&] { return context.Cancelled(); });
      }
      problem = members.ok() ? members::MemberProblem(*instance, *members)
                             : std::string(Message(members.status()));
    }
    if (problem.empty()) {
      const members::HttpHealth health = MembersBy(context).Probe(*instance, deadline);
      if (!health.ready) problem = health.reason;
    }
    if (problem.empty()) continue;
    if (left.empty()) *reason = problem;
    left.push_back(instance);
  }
  *pending = std::move(left);
  return absl::OkStatus();
}

// "; last lines:\n..." or nothing.
std::string LastLogs(StepContext& context, const Instance& instance) {
  hv1::ToHost request;
  auto* read = request.mutable_read_logs();
  const std::string base = fmt::format("{}/{}", instance.log_dir, Name(instance.component));
  read->add_paths(base + "_stderr.log");
  read->add_paths(base + "_stdout.log");
  read->add_paths(base + ".log");
  read->add_units(instance.Unit());
  read->set_lines(kLogLines);
  auto reply = Hosts(context).Call(context, std::move(request));
  if (!reply.ok() || reply->log_text().text().empty()) return {};
  return "; last lines:\n" + reply->log_text().text();
}

bool HasCrashed(const hv1::UnitState& unit, const RestartCounts& baseline, FirstCrash first) {
  if (first == FirstCrash::kEndsTheWait && unit.sub_state() == "auto-restart") return true;
  const auto before = baseline.find(unit.unit());
  const std::uint32_t old = before == baseline.end() ? 0 : before->second;
  // systemctl start resets the count.
  return unit.restarts() != 0 && unit.restarts() != old;
}

absl::Status CheckCrashes(StepContext& context, const std::vector<const Instance*>& pending,
                          const RestartCounts& baseline, FirstCrash first) {
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, pending));
  for (const auto* instance : pending) {
    const auto unit = std::find_if(units.begin(), units.end(),
                                   [&](const auto& one) { return one.unit() == instance->Unit(); });
    if (unit == units.end() || !HasCrashed(*unit, baseline, first)) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "CRASH_LOOP",
                 "{} on {} ends again and again{}", instance->name, Machine(context),
                 LastLogs(context, *instance))
        .With("instance", instance->name)
        .With("machine", Machine(context))
        .Remedy("mend what its log says, then resume the operation")
        .Next(v1::ACTION_RESUME_OPERATION,
              {{"operation_id", context.operation().operation.operation_id()}});
  }
  return absl::OkStatus();
}

absl::Status AwaitReady(StepContext& context, const topology::Cluster& cluster,
                        const std::vector<const Instance*>& instances,
                        const RestartCounts& baseline, FirstCrash first_crash) {
  std::vector<const Instance*> pending = instances;
  std::string reason;
  members::Throttle unit_check(absl::Milliseconds(300));
  const absl::Status waited = members::PollUntil(
      context.deadline() - absl::Seconds(10), [&] { return context.Cancelled(); },
      [&]() -> absl::StatusOr<bool> {
        RETURN_IF_ERROR(DropReady(context, cluster, &pending, &reason));
        if (pending.empty()) return true;
        if (unit_check.Due())
          RETURN_IF_ERROR(CheckCrashes(context, pending, baseline, first_crash));
        return false;
      });
  if (!absl::IsDeadlineExceeded(waited)) return waited;
  const std::string logs = LastLogs(context, *pending.front());
  return Error(absl::StatusCode::kDeadlineExceeded, "NOT_READY", "{} on {} is not ready: {}{}",
               pending.front()->name, Machine(context), reason, logs)
      .With("instance", pending.front()->name)
      .With("machine", Machine(context))
      .Remedy("find the cause in its log, then resume the operation")
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
  const absl::Time deadline = std::min(context.deadline(), absl::Now() + kProbeTimeout);
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
  ASSIGN_OR_RETURN(auto baseline, Restarts(context, instances));
  RETURN_IF_ERROR(Control(context, verb, timeout, instances));
  return AwaitReady(context, cluster, instances, baseline, first_crash);
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
