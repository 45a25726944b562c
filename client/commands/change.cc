#include "client/commands/change.h"

#include "client/commands/command.h"
#include "client/commands/when.h"
#include "client/output/next_actions.h"
#include "client/progress/outage.h"
#include "client/progress/watch.h"
#include "common/steady_time.h"
#include "dmgr/v1/database_check.pb.h"
#include "dmgr/v1/operation_service.pb.h"

namespace dmgr::client {
namespace {

// TiUP's short words, and Prometheus as its section of the topology is called.
constexpr std::pair<const char*, const char*> kShortRoles[] = {
    {"master", "dm-master"}, {"worker", "dm-worker"}, {"monitoring", "prometheus"}};

bool HasRequestId(const google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("request_id");
  return field != nullptr && !request.GetReflection()->GetString(request, field).empty();
}

}  // namespace

void DeclareDryRun(const Syntax& syntax, ChangeOptions* options) {
  syntax.Flag("--dry-run", &options->dry_run, "check everything, and change nothing");
}

void DeclareAsked(const Syntax& syntax, ChangeOptions* options) {
  syntax.Flag("-y,--yes", &options->yes, "do not ask");
  DeclareDryRun(syntax, options);
}

void DeclareChange(const Syntax& syntax, ChangeOptions* options) {
  syntax.Flag("-y,--yes", &options->yes, "do not ask");
  syntax.Flag("--dry-run", &options->dry_run, "check everything and print the plan only");
  const Option detach =
      syntax.Flag("--detach", &options->detach, "leave the operation running and return");
  syntax.Add("--timeout", &options->timeout, "watch at most so long, such as 10m; it goes on then")
      .Span()
      .Excludes(detach);
}

absl::Time WatchedUntil(const ChangeOptions& options) {
  const auto span = ParseSpan(options.timeout);
  return span.ok() ? SteadyNow() + *span : absl::InfiniteFuture();
}

absl::StatusOr<bool> IsSure(Environment& environment, const ChangeOptions& options,
                            const std::string& question) {
  if (options.yes || options.dry_run) return true;
  return environment.terminal->Confirm(question);
}

absl::Status SubmitInto(Environment& environment, const google::protobuf::Message& request,
                        google::protobuf::Message* response) {
  Connection& connection = environment.connection();
  const bool repeatable = HasRequestId(request) && connection.Reach();
  Outage outage(environment.terminal);
  while (true) {
    const absl::Status status = connection.CallInto(request, response);
    if (!repeatable || Reason(status) != "SERVER_UNREACHABLE" ||
        !outage.Wait(status, "it is done once")) {
      return status;
    }
  }
}

void TellWarnings(Environment& environment,
                  const google::protobuf::RepeatedPtrField<v1::DatabaseCheck>& warnings) {
  for (const auto& check : warnings) {
    environment.terminal->err() << "warning: " << check.check_name() << ": " << check.found()
                                << ": " << check.instruction() << "\n";
  }
}

ExitCode Tell(Environment& environment, const ChangeOptions& options,
              const google::protobuf::Message& response, const std::string& what) {
  if (environment.structured()) {
    environment.PrintStructured(response);
  } else {
    environment.terminal->err() << (options.dry_run ? "checked; nothing was changed" : what)
                                << "\n";
  }
  return kDone;
}

absl::StatusOr<ExitCode> Follow(Environment& environment, const v1::Operation& operation,
                                const ChangeOptions& options) {
  Terminal& terminal = *environment.terminal;
  v1::GetOperationResponse shown;
  *shown.mutable_operation() = operation;
  if (!options.dry_run && !options.detach) {
    return Watch(environment, operation.operation_id(), 0, v1::OPERATION_STATE_SUCCEEDED,
                 WatchedUntil(options));
  }
  if (environment.structured()) {
    environment.Print(shown);
  } else if (options.dry_run) {
    terminal.out() << PlanText(operation);
  } else {
    terminal.out() << "operation " << operation.operation_id() << " runs; see it with:\n"
                   << "  dmgrctl operation watch " << ShellQuoted(operation.operation_id()) << "\n";
  }
  return kDone;
}

void TellLosses(Environment& environment, const v1::Operation& plan) {
  for (const auto& step : plan.steps()) {
    if (!step.point_of_no_return()) continue;
    environment.terminal->err() << (step.host().empty() ? "dmgrd" : step.host()) << ": "
                                << step.title() << "\n";
  }
}

void DeclareSkip(const Syntax& syntax, bool* skip_unreachable) {
  syntax.Flag("--skip-unreachable", skip_unreachable,
              "leave out hosts that do not answer, and remember that they are behind");
}

void DeclareAcceptLoad(const Syntax& syntax, bool* accept_load_restart) {
  syntax.Flag("--accept-load-restart", accept_load_restart,
              "also take dm-workers on which a task loads: it begins to load anew");
}

void DeclareMaxParallel(const Syntax& syntax, unsigned* most) {
  syntax.Add(
      "--max-parallel", most,
      "most dm-workers that are taken at the same time; 0: all that carry nothing, but for a "
      "spare one");
}

v1::Component ComponentOf(const std::string& role) {
  for (const auto& [shorter, word] : kShortRoles) {
    if (role == shorter) return FromWord<v1::Component>(word);
  }
  return FromWord<v1::Component>(role);
}

Option DeclareSelection(const Syntax& syntax, SelectionOptions* options) {
  auto words = AllWords<v1::Component>();
  for (const auto& [shorter, word] : kShortRoles) words.emplace_back(shorter);
  syntax.Add("-R,--role", &options->roles, "only these components, such as dm-worker")
      .List()
      .OneOf(words);
  const Option nodes =
      syntax.Add("-N,--node", &options->nodes, "only these, by host:port, host or instance name");
  return nodes.List();
}

}  // namespace dmgr::client
