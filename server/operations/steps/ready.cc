#include "server/operations/steps/ready.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/dm/client.h"
#include "server/members/poll.h"
#include "server/members/probe.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/units.h"
#include "server/operations/steps/wait_news.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using topology::Instance;

// Time for one look at the member list; without quorum it hangs (DM 7.5.1).
constexpr absl::Duration kAskedTimeout = absl::Seconds(3);
constexpr absl::Duration kUnitPeriod = absl::Milliseconds(300);
// A page that refuses for so long is not one that is not there yet.
constexpr absl::Duration kRefusing = absl::Seconds(3);

std::string OperationId(const StepContext& context) {
  return context.operation().operation.operation_id();
}

// What all errors of a start have: whom it is about, and what can be done then.
absl::Status Complete(StepContext& context, const Instance& instance, Error error) {
  const std::string id = OperationId(context);
  return error.With("instance", instance.name)
      .With("machine", Machine(context))
      .Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", id}})
      .Next(v1::ACTION_ROLLBACK_OPERATION, {{"operation_id", id}})
      .Next(v1::ACTION_READ_LOGS, {{"cluster_name", context.operation().operation.cluster_name()},
                                   {"selection.nodes", instance.name}});
}

absl::Status Crashed(StepContext& context, const Instance& instance,
                     const diagnosis::Diagnosis& diagnosis, int exit_status) {
  const diagnosis::Subject subject{instance.name, Machine(context), instance.Unit(),
                                   "does not start"};
  return Complete(context, instance,
                  Error(absl::StatusCode::kFailedPrecondition, "CRASH_LOOP", "{}",
                        Describe(subject, diagnosis, exit_status))
                      .Remedy("what is wrong on the host: mend it, then resume the operation; what "
                              "is wrong in the configuration: roll the operation back, change it "
                              "there, then try again"));
}

absl::Status NotReady(StepContext& context, const Instance& instance, const LogMarks& before,
                      const std::string& reason) {
  diagnosis::Diagnosis said = DiagnoseSince(context, instance, before, /*exit_status=*/0);
  if (!said.is_silent) said.lines.insert(said.lines.begin(), said.cause);
  said.cause = reason;
  const diagnosis::Subject subject{instance.name, Machine(context), instance.Unit(),
                                   "is not ready"};
  return Complete(context, instance,
                  Error(absl::StatusCode::kDeadlineExceeded, "NOT_READY", "{}",
                        Describe(subject, said, /*exit_status=*/0))
                      .Remedy("find the cause in its log, mend it, then resume the operation"));
}

// Sees which of the instances end after they were started.
class CrashWatch {
 public:
  CrashWatch(StepContext* context, const LogMarks* before, FirstCrash first)
      : context_(*context), before_(*before), first_(first) {}

  absl::Status Check(const std::vector<const Instance*>& instances) {
    if (!period_.Due()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto units, UnitStates(context_, instances));
    for (std::size_t i = 0; i < instances.size() && i < units.size(); ++i) {
      RETURN_IF_ERROR(Check(*instances[i], units[i]));
    }
    return absl::OkStatus();
  }

 private:
  // Since the start; systemd before version 235 does not count, but each start has another process.
  bool WasStartedAgain(const hv1::UnitState& unit) {
    // The host resets the counters of those that it starts; those that ran already keep theirs.
    const bool is_counted =
        unit.restarts() != 0 && absl::Milliseconds(unit.uptime_ms()) <= SteadyNow() - began_;
    std::uint32_t& pid = first_pids_[unit.unit()];
    if (pid == 0) pid = unit.main_pid();
    if (unit.main_pid() != 0 && unit.main_pid() != pid) started_again_.insert(unit.unit());
    return is_counted || started_again_.contains(unit.unit());
  }

  absl::Status Check(const Instance& instance, const hv1::UnitState& unit) {
    const bool again = WasStartedAgain(unit);
    const bool gave_up = unit.active_state() == "failed";
    const bool is_down = gave_up || unit.sub_state() == "auto-restart";
    if (!is_down) return absl::OkStatus();
    const bool ends = again || gave_up || first_ == FirstCrash::kEndsTheWait;
    // Once is enough to see whether systemd's next try can help.
    if (!ends && !diagnosed_.insert(unit.unit()).second) return absl::OkStatus();
    const diagnosis::Diagnosis diagnosis =
        DiagnoseSince(context_, instance, before_, unit.exit_status());
    if (!ends && !diagnosis.lasts) {
      context_.Log(v1::LogLine::LEVEL_WARNING, fmt::format("{} ended and is started once more: {}",
                                                           instance.name, diagnosis.cause));
      return absl::OkStatus();
    }
    return Crashed(context_, instance, diagnosis, unit.exit_status());
  }

  StepContext& context_;
  const LogMarks& before_;
  const FirstCrash first_;
  const absl::Time began_ = SteadyNow();
  members::Throttle period_{kUnitPeriod};
  std::map<std::string, std::uint32_t> first_pids_;
  std::set<std::string> started_again_;
  std::set<std::string> diagnosed_;
};

// Asks the instances until they are ready.
class ReadyWatch {
 public:
  ReadyWatch(StepContext* context, const topology::Cluster* cluster,
             const std::vector<const Instance*>& instances)
      : context_(*context), cluster_(*cluster), pending_(instances) {}

  const std::vector<const Instance*>& pending() const { return pending_; }
  // Of the first that is pending.
  const std::string& reason() const { return reason_; }
  std::string Waiting() const {
    const std::string first = fmt::format("{}: {}", pending_.front()->name, reason_);
    return pending_.size() == 1 ? first
                                : fmt::format("{} (and {} more)", first, pending_.size() - 1);
  }

  // Takes out of pending what is ready.
  absl::Status Look() {
    absl::StatusOr<dm::Members> members = absl::UnknownError("not asked");
    std::vector<const Instance*> left;
    for (const auto* instance : pending_) {
      const absl::Time deadline = std::min(context_.deadline(), SteadyNow() + kAskedTimeout);
      std::string problem;
      if (instance->IsDm()) {
        if (absl::IsUnknown(members.status())) {
          members = MembersBy(context_).GetMembers(cluster_, deadline,
                                                   [&] { return context_.Cancelled(); });
        }
        problem = members.ok() ? members::MemberProblem(*instance, *members)
                               : std::string(Message(members.status()));
      }
      if (problem.empty()) {
        const members::HttpHealth health = MembersBy(context_).Probe(*instance, deadline);
        if (!health.ready) problem = health.reason;
        RETURN_IF_ERROR(CheckRefusal(*instance, health));
      }
      if (problem.empty()) continue;
      if (left.empty()) reason_ = problem;
      left.push_back(instance);
    }
    pending_ = std::move(left);
    return absl::OkStatus();
  }

 private:
  // A page that says "not for you" or "not here" will not say another thing later.
  absl::Status CheckRefusal(const Instance& instance, const members::HttpHealth& health) {
    const auto since = refusing_since_.try_emplace(instance.name, SteadyNow());
    if (!health.is_refused) {
      refusing_since_.erase(since.first);
      return absl::OkStatus();
    }
    if (SteadyNow() - since.first->second < kRefusing) return absl::OkStatus();
    return Complete(context_, instance,
                    Error(absl::StatusCode::kFailedPrecondition, "PROBE_REFUSED",
                          "{} on {} runs, and does not let its health be asked: {}", instance.name,
                          Machine(context_), health.reason)
                        .Remedy("in its configuration, let the health page be read without a login "
                                "and at the path that is asked: roll the operation back, change "
                                "it, then try again"));
  }

  StepContext& context_;
  const topology::Cluster& cluster_;
  std::vector<const Instance*> pending_;
  std::string reason_;
  std::map<std::string, absl::Time> refusing_since_;
};

// Of which instance the host tells; nullptr when that cannot be seen.
const Instance* ToldOf(const std::vector<const Instance*>& instances, const absl::Status& told) {
  const std::string program = Metadata(told, "program");
  for (const auto* instance : instances) {
    if (instance->Unit() == program) return instance;
  }
  for (const auto* instance : instances) {
    if (Message(told).find(instance->Unit()) != std::string_view::npos) return instance;
  }
  return nullptr;
}

}  // namespace

absl::Status ExplainStart(StepContext& context, const std::vector<const Instance*>& instances,
                          const LogMarks& before, const absl::Status& told) {
  const std::string reason = Reason(told);
  if (reason != "HOST_CRASH_LOOP" && reason != "HOST_DEADLINE") return told;
  const Instance* instance = ToldOf(instances, told);
  if (instance == nullptr) return told;
  if (reason == "HOST_DEADLINE")
    return NotReady(context, *instance, before, std::string(Message(told)));
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, {instance}));
  const int exit_status = units.empty() ? 0 : units.front().exit_status();
  return Crashed(context, *instance, DiagnoseSince(context, *instance, before, exit_status),
                 exit_status);
}

absl::Status AwaitReady(StepContext& context, const topology::Cluster& cluster,
                        const std::vector<const Instance*>& instances, const LogMarks& before,
                        FirstCrash first_crash) {
  ReadyWatch ready(&context, &cluster, instances);
  CrashWatch crashes(&context, &before, first_crash);
  WaitNews news(&context);
  const absl::Status waited = members::PollUntil(
      context.deadline() - absl::Seconds(10), [&] { return context.Cancelled(); },
      [&]() -> absl::StatusOr<bool> {
        RETURN_IF_ERROR(ready.Look());
        if (ready.pending().empty()) return true;
        RETURN_IF_ERROR(crashes.Check(ready.pending()));
        news.Say(ready.Waiting());
        return false;
      });
  if (!absl::IsDeadlineExceeded(waited)) return waited;
  return NotReady(context, *ready.pending().front(), before, ready.reason());
}

}  // namespace dmgr::operations
