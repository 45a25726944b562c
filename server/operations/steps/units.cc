#include "server/operations/steps/units.h"

#include <fmt/format.h>

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
using topology::Instance;
using RestartCounts = std::map<std::string, std::uint32_t>;

// Of one look at the member list; without quorum it hangs (DM 7.5.1).
constexpr absl::Duration kProbeTimeout = absl::Seconds(3);
constexpr absl::Duration kActiveTimeout = absl::Seconds(30);
constexpr int kLogLines = 20;

HostScope& Hosts(StepContext& context) { return static_cast<HostScope&>(context.scope()); }

const std::string& Machine(const StepContext& context) { return context.step().step.host(); }

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

absl::Status CheckCrashes(StepContext& context, const std::vector<const Instance*>& pending,
                          const RestartCounts& baseline) {
  ASSIGN_OR_RETURN(auto now, Restarts(context, pending));
  for (const auto* instance : pending) {
    auto before = baseline.find(instance->Unit());
    const std::uint32_t old = before == baseline.end() ? 0 : before->second;
    // systemctl start resets the count.
    if (now[instance->Unit()] == 0 || now[instance->Unit()] == old) continue;
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
                        const RestartCounts& baseline) {
  std::vector<const Instance*> pending = instances;
  std::string reason;
  members::Throttle unit_check(absl::Milliseconds(500));
  const absl::Status waited = members::PollUntil(
      context.deadline() - absl::Seconds(10), [&] { return context.Cancelled(); },
      [&]() -> absl::StatusOr<bool> {
        RETURN_IF_ERROR(DropReady(context, cluster, &pending, &reason));
        if (pending.empty()) return true;
        if (unit_check.Due()) RETURN_IF_ERROR(CheckCrashes(context, pending, baseline));
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

absl::Status Bring(StepContext& context, const topology::Cluster& cluster,
                   const std::vector<const Instance*>& instances, hv1::ControlUnits::Verb verb,
                   absl::Duration timeout) {
  RETURN_IF_ERROR(CheckPorts(context, cluster, instances));
  ASSIGN_OR_RETURN(auto baseline, Restarts(context, instances));
  RETURN_IF_ERROR(Hosts(context).Call(context, UnitsRequest(verb, timeout, instances)).status());
  return AwaitReady(context, cluster, instances, baseline);
}

}  // namespace

absl::StatusOr<std::vector<hv1::UnitState>> UnitStates(
    StepContext& context, const std::vector<const Instance*>& instances) {
  hv1::ToHost request;
  for (const auto* instance : instances) request.mutable_query_units()->add_units(instance->Unit());
  ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
  const auto& units = reply.unit_states().units();
  return std::vector<hv1::UnitState>(units.begin(), units.end());
}

absl::Status StartInstances(StepContext& context, const topology::Cluster& cluster,
                            const std::vector<const Instance*>& instances) {
  return Bring(context, cluster, instances, hv1::ControlUnits::VERB_START, kActiveTimeout);
}

absl::Status RestartInstances(StepContext& context, const topology::Cluster& cluster,
                              const std::vector<const Instance*>& instances) {
  return Bring(context, cluster, instances, hv1::ControlUnits::VERB_RESTART,
               kStopTimeout + kActiveTimeout);
}

absl::Status StopInstances(StepContext& context, const std::vector<const Instance*>& instances) {
  return Hosts(context)
      .Call(context, UnitsRequest(hv1::ControlUnits::VERB_STOP, kStopTimeout, instances))
      .status();
}

}  // namespace dmgr::operations
