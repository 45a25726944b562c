// task validation start, stop, status, update, errors, ignore, resolve, clear.
#include <fmt/format.h>

#include "absl/time/clock.h"
#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/when.h"
#include "common/error.h"
#include "dmgr/v1/validation_service.pb.h"

namespace dmgr::client {
namespace {

struct ValidationOptions {
  ChangeOptions change;
  std::string cluster;
  std::string task;
  std::vector<std::string> sources;
  std::string mode = "full";
  std::string start_time;
  std::string position;
  std::string gtid;
  std::string state = "all";
  unsigned error_id = 0;
  bool all = false;
};

std::shared_ptr<ValidationOptions> DeclareTask(const Syntax& syntax) {
  auto options = std::make_shared<ValidationOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add("TASK", &options->task, "task").Required();
  return options;
}

void DeclareSources(const Syntax& syntax, ValidationOptions* options) {
  syntax.Add("--source", &options->sources, "only of this source (all); may be given again").List();
}

template <typename Request>
Request About(const ValidationOptions& options) {
  Request request;
  request.set_cluster_name(options.cluster);
  request.set_task_name(options.task);
  return request;
}

template <typename Request>
Request OfSources(const ValidationOptions& options) {
  auto request = About<Request>(options);
  request.mutable_source_ids()->Add(options.sources.begin(), options.sources.end());
  return request;
}

Run DeclareStart(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  DeclareSources(syntax, options.get());
  syntax.Add("--mode", &options->mode, "every column, or that the row is there (full)")
      .OneOf({"full", "fast"});
  syntax.Add("--start-time", &options->start_time,
             "what was written since then, such as \"2026-11-22 21:30\" or 2h (from now on)");
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    auto request = OfSources<v1::StartValidationRequest>(*options);
    request.set_mode(options->mode == "fast" ? v1::VALIDATION_MODE_FAST : v1::VALIDATION_MODE_FULL);
    if (!options->start_time.empty()) {
      ASSIGN_OR_RETURN(const absl::Time time, ParseWhen(options->start_time, absl::Now()));
      request.mutable_start_time()->set_seconds(absl::ToUnixSeconds(time));
    }
    // It takes nothing away.
    options->change.yes = true;
    return Change<v1::StartValidationResponse>(environment, options->change, "", request);
  };
}

Run DeclareStop(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  DeclareSources(syntax, options.get());
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    return Change<v1::StopValidationResponse>(
        environment, options->change,
        fmt::format("Stop the validation of task {} of {}?", options->task, options->cluster),
        OfSources<v1::StopValidationRequest>(*options));
  };
}

Run DeclareUpdate(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  DeclareSources(syntax, options.get());
  const Option position = syntax.Add("--cutover-binlog-pos", &options->position,
                                     "where the writers were switched, such as "
                                     "mysql-bin.000002:1234");
  syntax.Add("--cutover-gtid", &options->gtid, "the same as a set of GTIDs").Excludes(position);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    auto request = OfSources<v1::UpdateValidationRequest>(*options);
    request.set_cutover_binlog_position(options->position);
    request.set_cutover_gtid(options->gtid);
    return Change<v1::UpdateValidationResponse>(
        environment, options->change,
        fmt::format("Switch the validation of task {} of {}?", options->task, options->cluster),
        request);
  };
}

Run DeclareStatus(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::GetValidationResponse>(
                                              About<v1::GetValidationRequest>(*options)));
    environment.Print(response);
    return kDone;
  };
}

v1::ValidationErrorState StateOf(const std::string& word) {
  if (word == "new") return v1::VALIDATION_ERROR_STATE_NEW;
  if (word == "ignored") return v1::VALIDATION_ERROR_STATE_IGNORED;
  return word == "resolved" ? v1::VALIDATION_ERROR_STATE_RESOLVED
                            : v1::VALIDATION_ERROR_STATE_UNSPECIFIED;
}

Run DeclareErrors(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  syntax.Add("--state", &options->state, "only those (all)")
      .OneOf({"all", "new", "ignored", "resolved"});
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    auto request = About<v1::ListValidationErrorsRequest>(*options);
    request.set_state(StateOf(options->state));
    ASSIGN_OR_RETURN(const auto response,
                     environment.Call<v1::ListValidationErrorsResponse>(request));
    environment.Print(response);
    return kDone;
  };
}

// question has {} for the task and the cluster.
Run DeclareHandling(const Syntax& syntax, v1::ValidationErrorAction action, const char* question) {
  auto options = DeclareTask(syntax);
  const Option id = syntax.Add("--id", &options->error_id, "row that differs, by its id");
  syntax.Flag("--all", &options->all, "all that differ").Excludes(id);
  DeclareChange(syntax, &options->change);
  return [options, action, question](Environment& environment) {
    auto request = About<v1::HandleValidationErrorsRequest>(*options);
    request.set_action(action);
    request.set_error_id(options->error_id);
    request.set_all(options->all);
    return Change<v1::HandleValidationErrorsResponse>(
        environment, options->change,
        fmt::format(fmt::runtime(question), options->task, options->cluster), request);
  };
}

Run DeclareIgnore(const Syntax& syntax) {
  return DeclareHandling(syntax, v1::VALIDATION_ERROR_ACTION_IGNORE,
                         "Ignore what differs in task {} of {}?");
}

Run DeclareResolve(const Syntax& syntax) {
  return DeclareHandling(syntax, v1::VALIDATION_ERROR_ACTION_RESOLVE,
                         "Mark what differs in task {} of {} as resolved?");
}

Run DeclareClear(const Syntax& syntax) {
  return DeclareHandling(syntax, v1::VALIDATION_ERROR_ACTION_CLEAR,
                         "Forget what differed in task {} of {}?");
}

}  // namespace

std::vector<Command> TaskValidationCommands() {
  return {{"task validation start", "have DM compare what a task has written with its sources",
           "dmgrctl task validation start demo shop", DeclareStart},
          {"task validation status", "how far a validation is",
           "dmgrctl task validation status demo shop", DeclareStatus},
          {"task validation errors", "rows that differ", "dmgrctl task validation errors demo shop",
           DeclareErrors},
          {"task validation ignore", "ignore rows that differ",
           "dmgrctl task validation ignore demo shop --all", DeclareIgnore},
          {"task validation resolve", "mark rows that differed as resolved",
           "dmgrctl task validation resolve demo shop --id 1", DeclareResolve},
          {"task validation clear", "have DM forget rows that differed",
           "dmgrctl task validation clear demo shop --all", DeclareClear},
          {"task validation update", "tell a validation where the writers were switched",
           "dmgrctl task validation update demo shop --cutover-binlog-pos mysql-bin.000002:1234",
           DeclareUpdate},
          {"task validation stop", "end a validation", "dmgrctl task validation stop demo shop",
           DeclareStop}};
}

}  // namespace dmgr::client
