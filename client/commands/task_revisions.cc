// task revisions, diff, rollback.
#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/output/diff.h"
#include "common/error.h"
#include "dmgr/v1/task_service.pb.h"

namespace dmgr::client {
namespace {

struct RevisionOptions {
  ChangeOptions change;
  std::string cluster;
  std::string task;
  unsigned from = 0;
  unsigned to = 0;
};

std::shared_ptr<RevisionOptions> DeclareOfTask(const Syntax& syntax) {
  auto options = std::make_shared<RevisionOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add("TASK", &options->task, "task").Required();
  return options;
}

template <typename Request>
Request RevisionRequest(const RevisionOptions& options) {
  Request request;
  request.set_cluster_name(options.cluster);
  request.set_task_name(options.task);
  return request;
}

Run DeclareRevisions(const Syntax& syntax) {
  auto options = DeclareOfTask(syntax);
  return [options](Environment& environment) {
    return environment.Show<v1::ListTaskRevisionsResponse>(
        RevisionRequest<v1::ListTaskRevisionsRequest>(*options));
  };
}

absl::StatusOr<v1::TaskRevision> GetRevision(Environment& environment,
                                             const RevisionOptions& options,
                                             std::int64_t revision) {
  auto request = RevisionRequest<v1::GetTaskRevisionRequest>(options);
  request.set_revision(revision);
  ASSIGN_OR_RETURN(auto response, environment.Call<v1::GetTaskRevisionResponse>(request));
  return std::move(*response.mutable_revision());
}

// The newest one that is older.
absl::StatusOr<std::int64_t> Before(Environment& environment, const RevisionOptions& options,
                                    std::int64_t revision) {
  ASSIGN_OR_RETURN(const auto list, environment.Call<v1::ListTaskRevisionsResponse>(
                                        RevisionRequest<v1::ListTaskRevisionsRequest>(options)));
  for (const auto& one : list.revisions()) {
    if (one.revision() < revision) return one.revision();
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
               "task {} has no configuration that is older than revision {}", options.task,
               revision);
}

absl::StatusOr<ExitCode> Diff(Environment& environment, const RevisionOptions& options) {
  ASSIGN_OR_RETURN(const auto to, GetRevision(environment, options, options.to));
  std::int64_t older = options.from;
  if (older == 0) {
    ASSIGN_OR_RETURN(older, Before(environment, options, to.revision()));
  }
  ASSIGN_OR_RETURN(const auto from, GetRevision(environment, options, older));
  if (environment.structured()) {
    v1::ListTaskRevisionsResponse both;
    *both.add_revisions() = from;
    *both.add_revisions() = to;
    environment.PrintStructured(both);
    return kDone;
  }
  const std::string diff = LineDiff(from.config_yaml(), to.config_yaml());
  environment.terminal->out() << (diff.empty() ? "nothing differs that may be shown\n" : diff);
  return kDone;
}

Run DeclareDiff(const Syntax& syntax) {
  auto options = DeclareOfTask(syntax);
  syntax.Add("--from", &options->from, "an earlier revision (the one before)");
  syntax.Add("--to", &options->to, "a later revision (the one in effect)");
  return [options](Environment& environment) { return Diff(environment, *options); };
}

Run DeclareRollback(const Syntax& syntax) {
  auto options = DeclareOfTask(syntax);
  syntax.Add("--revision", &options->to, "whose configuration it gets").Required();
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    auto request = RevisionRequest<v1::RollbackTaskRequest>(*options);
    request.set_revision(options->to);
    return Change<v1::RollbackTaskResponse>(
        environment, options->change,
        fmt::format("Give task {} of {} the configuration of revision {} again? If it runs it is "
                    "stopped and started.",
                    options->task, options->cluster, options->to),
        request);
  };
}

}  // namespace

std::vector<Command> TaskRevisionCommands() {
  return {{"task revisions", "list the configurations that a task has had",
           "dmgrctl task revisions demo shop", DeclareRevisions},
          {"task diff", "what has changed between two configurations of a task",
           "dmgrctl task diff demo shop", DeclareDiff},
          {"task rollback", "give a task an earlier configuration again",
           "dmgrctl task rollback demo shop --revision 1", DeclareRollback}};
}

}  // namespace dmgr::client
