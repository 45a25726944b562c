// task create, check, start, stop, pause, resume, update, delete.
#include <fmt/format.h>

#include "absl/time/clock.h"
#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/database.h"
#include "client/commands/when.h"
#include "client/migrations/configs.h"
#include "common/error.h"
#include "dmgr/v1/task_service.pb.h"

namespace dmgr::client {
namespace {

struct TaskOptions {
  ChangeOptions change;
  std::string cluster;
  std::string task;
  std::string file;
  std::string start_time;
  bool remove_meta = false;
  bool stopped = false;
  unsigned revision = 0;
  // What a configuration is made of; task stands for its name.
  std::vector<std::string> sources;
  std::string target;
  std::string mode;
  std::vector<std::string> tables;
  std::vector<std::string> routes;
  std::string shard_mode;
};

std::shared_ptr<TaskOptions> DeclareInCluster(const Syntax& syntax) {
  auto options = std::make_shared<TaskOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  return options;
}

std::shared_ptr<TaskOptions> DeclareTask(const Syntax& syntax) {
  auto options = DeclareInCluster(syntax);
  syntax.Add("TASK", &options->task, "task").Required();
  return options;
}

template <typename Request>
Request About(const TaskOptions& options) {
  Request request;
  request.set_cluster_name(options.cluster);
  request.set_task_name(options.task);
  return request;
}

void DeclareBeginning(const Syntax& syntax, TaskOptions* options) {
  syntax.Add("--start-time", &options->start_time,
             "take changes from this moment of the binlogs on, such as \"2026-11-22 21:30\" or 2h; "
             "for mode incremental");
  syntax.Flag("--remove-meta", &options->remove_meta,
              "begin anew where the target knows how far the task had come");
}

template <typename Request>
absl::Status SetBeginning(const TaskOptions& options, Request* request) {
  request->set_remove_meta(options.remove_meta);
  if (options.start_time.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const absl::Time time, ParseWhen(options.start_time, absl::Now()));
  request->mutable_start_time()->set_seconds(absl::ToUnixSeconds(time));
  return absl::OkStatus();
}

// Only who begins anew is asked: nothing else takes something away.
template <typename Response, typename Request>
absl::StatusOr<ExitCode> Begin(Environment& environment, TaskOptions* options, Request request) {
  RETURN_IF_ERROR(SetBeginning(*options, &request));
  if (!options->remove_meta) options->change.yes = true;
  return Change<Response>(environment, options->change,
                          "Begin anew? How far the task had come is forgotten.", request);
}

void DeclareWords(const Syntax& syntax, TaskOptions* options) {
  syntax.Add("--source", &options->sources, "in place of a file: sources, by id").List();
  syntax.Add("--target", &options->target, "with --source: target of the cluster");
  options->mode = "all";
  syntax.Add("--mode", &options->mode, "with --source: what is there, what comes, or all (all)")
      .OneOf({"full", "incremental", "all"});
  syntax
      .Add("--tables", &options->tables,
           "with --source: DATABASE.TABLE, such as 'shop.*' (all); may be given again")
      .List();
  syntax
      .Add("--route", &options->routes,
           "with --source: FROM=>TO, such as 'shop.*=>shop2.*'; may be given again")
      .List();
  syntax.Add("--shard-mode", &options->shard_mode, "with --source: how shards are merged")
      .OneOf({"pessimistic", "optimistic"});
}

absl::StatusOr<std::string> ConfigOf(const TaskOptions& options) {
  if (!options.sources.empty()) {
    if (options.target.empty()) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                   "where the task writes to was not said")
          .Remedy("pass --target NAME; dmgrctl target list shows them");
    }
    return TaskYaml({options.file, options.sources, options.target, options.mode, options.tables,
                     options.routes, options.shard_mode});
  }
  if (!options.target.empty() || !options.tables.empty() || !options.routes.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                 "--target, --tables and --route make a task of what --source names")
        .Remedy("pass --source, or a file alone");
  }
  return ReadConfig(options.file);
}

Run DeclareCreate(const Syntax& syntax) {
  auto options = DeclareInCluster(syntax);
  syntax
      .Add("FILE", &options->file,
           "DM's configuration of a task, - is standard input; with --source: the task's name")
      .Required();
  DeclareWords(syntax, options.get());
  syntax.Flag("--stopped", &options->stopped, "do not start it yet");
  DeclareBeginning(syntax, options.get());
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::CreateTaskRequest request;
    request.set_cluster_name(options->cluster);
    ASSIGN_OR_RETURN(*request.mutable_config_yaml(), ConfigOf(*options));
    request.set_stopped(options->stopped);
    return Begin<v1::CreateTaskResponse>(environment, options.get(), std::move(request));
  };
}

Run DeclareCheck(const Syntax& syntax) {
  auto options = DeclareInCluster(syntax);
  syntax.Add("TASK", &options->file, "task, or DM's configuration of one (.yaml, or -)").Required();
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::CheckTaskRequest request;
    request.set_cluster_name(options->cluster);
    if (LooksLikeFile(options->file)) {
      ASSIGN_OR_RETURN(*request.mutable_config_yaml(), ReadConfig(options->file));
    } else {
      request.set_task_name(options->file);
    }
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::CheckTaskResponse>(request));
    environment.Print(response);
    for (const auto& check : response.checks()) {
      if (check.result() == v1::CHECK_RESULT_FAIL) return kFailed;
    }
    return kDone;
  };
}

Run DeclareAdopt(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    // Nothing changes in DM: nobody is asked.
    options->change.yes = true;
    return Change<v1::AdoptTaskResponse>(environment, options->change, "",
                                         About<v1::AdoptTaskRequest>(*options));
  };
}

Run DeclareStart(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  DeclareBeginning(syntax, options.get());
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    return Begin<v1::StartTaskResponse>(environment, options.get(),
                                        About<v1::StartTaskRequest>(*options));
  };
}

Run DeclareResume(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    options->change.yes = true;
    return Change<v1::ResumeTaskResponse>(environment, options->change, "",
                                          About<v1::ResumeTaskRequest>(*options));
  };
}

// A change that takes something away: question has {} for the task and the cluster.
template <typename Response, typename Request>
Run DeclareEnding(const Syntax& syntax, const char* question) {
  auto options = DeclareTask(syntax);
  DeclareChange(syntax, &options->change);
  return [options, question](Environment& environment) {
    return Change<Response>(environment, options->change,
                            fmt::format(fmt::runtime(question), options->task, options->cluster),
                            About<Request>(*options));
  };
}

Run DeclareStop(const Syntax& syntax) {
  return DeclareEnding<v1::StopTaskResponse, v1::StopTaskRequest>(
      syntax, "Stop task {} of {}? A start goes on from there.");
}

Run DeclarePause(const Syntax& syntax) {
  return DeclareEnding<v1::PauseTaskResponse, v1::PauseTaskRequest>(syntax, "Pause task {} of {}?");
}

Run DeclareDelete(const Syntax& syntax) {
  return DeclareEnding<v1::DeleteTaskResponse, v1::DeleteTaskRequest>(
      syntax, "Delete task {} of {}, with its revisions? What it has written stays.");
}

Run DeclareUpdate(const Syntax& syntax) {
  auto options = DeclareInCluster(syntax);
  syntax
      .Add("FILE", &options->file,
           "DM's configuration of the task; - is standard input, \"******\" the password it has")
      .Required();
  DeclareRevision(syntax, &options->revision);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::UpdateTaskRequest request;
    request.set_cluster_name(options->cluster);
    ASSIGN_OR_RETURN(*request.mutable_config_yaml(), ReadConfig(options->file));
    request.set_revision(options->revision);
    return Change<v1::UpdateTaskResponse>(
        environment, options->change,
        fmt::format("Give the task of {} in {} this configuration? If it runs it is stopped and "
                    "started.",
                    options->file, options->cluster),
        request);
  };
}

}  // namespace

std::vector<Command> TaskCommands() {
  return {
      {"task create", "make a task, check it and start it",
       "dmgrctl task create demo shop --source s1 --target prod --tables 'shop.*'", DeclareCreate},
      {"task check", "ask DM what would hinder a task; exit code 1 when a check fails",
       "dmgrctl task check demo task.yaml", DeclareCheck},
      {"task start", "start a task that is stopped", "dmgrctl task start demo shop", DeclareStart},
      {"task stop", "take a task from DM; its configuration stays", "dmgrctl task stop demo shop",
       DeclareStop},
      {"task pause", "pause a task", "dmgrctl task pause demo shop", DeclarePause},
      {"task resume", "resume a task that somebody or an error has paused",
       "dmgrctl task resume demo shop", DeclareResume},
      {"task update", "another configuration of a task", "dmgrctl task update demo task.yaml",
       DeclareUpdate},
      {"task delete", "take a task from DM and forget it", "dmgrctl task delete demo shop",
       DeclareDelete},
      {"task adopt", "manage a task that was made by something else, its password included",
       "dmgrctl task adopt demo old", DeclareAdopt}};
}

}  // namespace dmgr::client
