// operation list, show, events, watch, wait.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "client/commands/command.h"
#include "client/commands/operation_choice.h"
#include "client/commands/when.h"
#include "client/progress/outage.h"
#include "client/progress/watch.h"
#include "client/progress/watch_list.h"
#include "common/steady_time.h"
#include "dmgr/v1/operation_service.pb.h"

namespace dmgr::client {
namespace {

constexpr int kListed = 50;
constexpr int kMostEvents = 1000;
// One call waits so long: a proxy on the way may end what is silent for longer.
constexpr absl::Duration kOneWait = absl::Minutes(1);
constexpr absl::Duration kSpareTime = absl::Seconds(10);

struct ListOptions {
  int limit = kListed;
  std::string cluster, user, since, until;
  std::vector<std::string> states, kinds;
};

Run DeclareList(const Syntax& syntax) {
  auto options = std::make_shared<ListOptions>();
  syntax.Add("--cluster", &options->cluster, "only of this cluster");
  syntax.Add("--state", &options->states, "only in one of these states")
      .List()
      .OneOf(AllWords<v1::OperationState>());
  syntax.Add("--kind", &options->kinds, "only of one of these kinds")
      .List()
      .OneOf(AllWords<v1::OperationKind>());
  syntax.Add("--user", &options->user, "only those that this user asked for");
  syntax.Add("--since", &options->since,
             "only from then on: a date, a time, or 2h for so long ago");
  syntax.Add("--until", &options->until, "only before that");
  syntax.Add("--limit", &options->limit, "at most so many (50)").Between(1, 1000);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::ListOperationsRequest request;
    request.set_cluster_name(options->cluster);
    request.set_user_name(options->user);
    request.set_page_size(options->limit);
    for (const auto& state : options->states) {
      request.add_states(FromWord<v1::OperationState>(state));
    }
    for (const auto& kind : options->kinds) request.add_kinds(FromWord<v1::OperationKind>(kind));
    RETURN_IF_ERROR(ParseRange(options->since, options->until, request.mutable_create_time()));
    return environment.Show<v1::ListOperationsResponse>(request);
  };
}

std::shared_ptr<OperationChoice> DeclareChoice(const Syntax& syntax) {
  auto choice = std::make_shared<OperationChoice>();
  DeclareOperation(syntax, choice.get());
  return choice;
}

absl::StatusOr<v1::ListOperationEventsResponse> AllEvents(Environment& environment,
                                                          const std::string& id,
                                                          std::uint64_t after) {
  v1::ListOperationEventsRequest request;
  request.set_operation_id(id);
  request.set_after_sequence(after);
  request.set_page_size(kMostEvents);
  return environment.connection().ListAll<v1::ListOperationEventsResponse>(request);
}

absl::StatusOr<ExitCode> Show(Environment& environment, const OperationChoice& choice,
                              bool events) {
  ASSIGN_OR_RETURN(const std::string id, OperationOf(environment, choice));
  v1::GetOperationRequest request;
  request.set_operation_id(id);
  if (!events) return environment.Show<v1::GetOperationResponse>(request);
  ASSIGN_OR_RETURN(const auto response, environment.Call<v1::GetOperationResponse>(request));
  ASSIGN_OR_RETURN(const auto all, AllEvents(environment, id, 0));
  if (environment.structured()) {
    Json both = Json::parse(ToJson(response));
    both["events"] = Json::parse(ToJson(all))["events"];
    environment.PrintStructured(both);
  } else {
    environment.terminal->out() << ToTable(response) << "\n" << ToTable(all);
  }
  return kDone;
}

Run DeclareShow(const Syntax& syntax) {
  auto choice = DeclareChoice(syntax);
  auto steps = std::make_shared<bool>(true);
  auto events = std::make_shared<bool>(false);
  syntax.Flag("--steps", steps.get(), "its steps, which are always shown");
  syntax.Flag("--events", events.get(), "its events, too");
  return [choice, steps, events](Environment& environment) {
    return Show(environment, *choice, *events);
  };
}

Run DeclareEvents(const Syntax& syntax) {
  auto choice = DeclareChoice(syntax);
  auto after = std::make_shared<unsigned>(0);
  syntax.Add("--after", after.get(), "only those with a higher number (0)");
  return [choice, after](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const std::string id, OperationOf(environment, *choice));
    ASSIGN_OR_RETURN(const auto events, AllEvents(environment, id, *after));
    environment.Print(events);
    return kDone;
  };
}

struct WatchOptions {
  OperationChoice choice;
  std::string cluster;
  bool all = false;
};

Run DeclareWatch(const Syntax& syntax) {
  auto options = std::make_shared<WatchOptions>();
  const Option named = DeclareOperation(syntax, &options->choice);
  const Option cluster = syntax.Add("--cluster", &options->cluster,
                                    "every operation of this cluster, also later ones");
  cluster.Excludes(named);
  syntax.Flag("--all", &options->all, "every operation, also later ones")
      .Excludes(named)
      .Excludes(cluster);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    if (options->all || !options->cluster.empty()) return WatchList(environment, options->cluster);
    if (options->choice.id.empty() && !options->choice.last) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE", "what to watch was not said")
          .Remedy("dmgrctl operation watch OPERATION, --last, --cluster NAME, or --all");
    }
    ASSIGN_OR_RETURN(const std::string id, OperationOf(environment, options->choice));
    return Watch(environment, id, 0);
  };
}

// Asks again and again until it has ended or the time is over, also while dmgrd is away.
absl::StatusOr<v1::WaitOperationResponse> Await(Environment& environment, const std::string& id,
                                                absl::Time until) {
  Outage outage(environment.terminal);
  while (true) {
    const absl::Duration wait = std::clamp(until - SteadyNow(), absl::Seconds(0), kOneWait);
    v1::WaitOperationRequest request;
    request.set_operation_id(id);
    request.mutable_timeout()->set_seconds(absl::ToInt64Seconds(wait));
    // None at all is dmgrd's longest.
    request.mutable_timeout()->set_nanos(1);
    auto response =
        environment.connection().Call<v1::WaitOperationResponse>(request, wait + kSpareTime);
    if (response.ok()) {
      if (response->done() || SteadyNow() >= until) return response;
      outage.Over();
    } else if (Reason(response.status()) != "SERVER_UNREACHABLE" || SteadyNow() >= until ||
               !outage.Wait(response.status(), "the operation is safe")) {
      return response;
    }
  }
}

Run DeclareWait(const Syntax& syntax) {
  auto choice = DeclareChoice(syntax);
  auto timeout = std::make_shared<std::string>();
  syntax.Add("--timeout", timeout.get(), "at most so long, such as 10m (for ever)");
  return [choice, timeout](Environment& environment) -> absl::StatusOr<ExitCode> {
    absl::Duration span = absl::InfiniteDuration();
    if (!timeout->empty()) {
      ASSIGN_OR_RETURN(span, ParseSpan(*timeout));
    }
    const absl::Time until = SteadyNow() + span;
    ASSIGN_OR_RETURN(const std::string id, OperationOf(environment, *choice));
    ASSIGN_OR_RETURN(const auto response, Await(environment, id, until));
    v1::GetOperationResponse shown;
    *shown.mutable_operation() = response.operation();
    environment.Print(shown);
    if (!response.done()) {
      environment.terminal->err() << "it has not ended after " << *timeout << "\n";
    }
    return response.operation().state() == v1::OPERATION_STATE_SUCCEEDED ? kDone : kFailed;
  };
}

}  // namespace

std::vector<Command> OperationReadCommands() {
  return {{"operation list", "list operations, newest first",
           "dmgrctl operation list --cluster demo --state failed,cancelled", DeclareList},
          {"operation show", "show an operation and its steps",
           "dmgrctl operation show ID --events", DeclareShow},
          {"operation events", "list the events of an operation", "dmgrctl operation events ID",
           DeclareEvents},
          {"operation watch", "watch an operation to its end, or all that change",
           "dmgrctl operation watch ID", DeclareWatch},
          {"operation wait", "wait for the end of an operation, for scripts",
           "dmgrctl operation wait ID --timeout 10m", DeclareWait}};
}

}  // namespace dmgr::client
