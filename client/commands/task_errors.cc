// task errors list, skip, replace, revert, inject; task locks list, unlock.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/database.h"
#include "common/error.h"
#include "dmgr/v1/shard_lock_service.pb.h"
#include "dmgr/v1/task_error_service.pb.h"

namespace dmgr::client {
namespace {

struct ErrorOptions {
  ChangeOptions change;
  std::string cluster;
  std::string task;
  std::vector<std::string> sources;
  std::string position;
  std::vector<std::string> statements;
  std::string file;
};

std::shared_ptr<ErrorOptions> DeclareTask(const Syntax& syntax) {
  auto options = std::make_shared<ErrorOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add("TASK", &options->task, "task").Required();
  return options;
}

Run DeclareErrors(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::ListTaskErrorsRequest request;
    request.set_cluster_name(options->cluster);
    request.set_task_name(options->task);
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::ListTaskErrorsResponse>(request));
    environment.Print(response);
    return kDone;
  };
}

void DeclareStatement(const Syntax& syntax, ErrorOptions* options) {
  syntax
      .Add("--source", &options->sources,
           "only this source (those with an error); may be given "
           "again")
      .List();
  syntax.Add("--binlog-pos", &options->position,
             "a statement that the task has not reached, such as mysql-bin.000002:1234 (the one "
             "that has paused it)");
}

void DeclareSql(const Syntax& syntax, ErrorOptions* options) {
  // Statements have commas: one value each time, not a list.
  const Option sql =
      syntax.Add("--sql", &options->statements, "statement to execute; may be given again");
  syntax.Add("--sql-file", &options->file, "file with one statement; - is standard input")
      .Excludes(sql);
}

absl::StatusOr<ExitCode> Handle(Environment& environment, const ErrorOptions& options,
                                v1::TaskErrorAction action, const std::string& question) {
  v1::HandleTaskErrorRequest request;
  request.set_cluster_name(options.cluster);
  request.set_task_name(options.task);
  request.set_action(action);
  request.mutable_source_ids()->Add(options.sources.begin(), options.sources.end());
  request.set_binlog_position(options.position);
  for (const auto& statement : options.statements) request.add_statements(statement);
  if (!options.file.empty()) {
    ASSIGN_OR_RETURN(*request.add_statements(), ReadConfig(options.file));
  }
  return Change<v1::HandleTaskErrorResponse>(environment, options.change, question, request);
}

// question has {} for the task and the cluster.
Run DeclareHandling(const Syntax& syntax, v1::TaskErrorAction action, const char* question) {
  auto options = DeclareTask(syntax);
  DeclareStatement(syntax, options.get());
  const bool brings =
      action == v1::TASK_ERROR_ACTION_REPLACE || action == v1::TASK_ERROR_ACTION_INJECT;
  if (brings) DeclareSql(syntax, options.get());
  DeclareChange(syntax, &options->change);
  return [options, action, question](Environment& environment) {
    return Handle(environment, *options, action,
                  fmt::format(fmt::runtime(question), options->task, options->cluster));
  };
}

Run DeclareSkip(const Syntax& syntax) {
  return DeclareHandling(syntax, v1::TASK_ERROR_ACTION_SKIP,
                         "Skip the statement of task {} of {}? The target never gets it.");
}

Run DeclareReplace(const Syntax& syntax) {
  return DeclareHandling(syntax, v1::TASK_ERROR_ACTION_REPLACE,
                         "Execute other statements in task {} of {} in place of this one?");
}

Run DeclareRevert(const Syntax& syntax) {
  return DeclareHandling(syntax, v1::TASK_ERROR_ACTION_REVERT,
                         "Take back what task {} of {} was told of a statement?");
}

Run DeclareInject(const Syntax& syntax) {
  return DeclareHandling(syntax, v1::TASK_ERROR_ACTION_INJECT,
                         "Execute statements in task {} of {} before this one?");
}

Run DeclareLocks(const Syntax& syntax) {
  auto options = std::make_shared<ErrorOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add("TASK", &options->task, "task (all)");
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::ListShardLocksRequest request;
    request.set_cluster_name(options->cluster);
    request.set_task_name(options->task);
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::ListShardLocksResponse>(request));
    environment.Print(response);
    return kDone;
  };
}

struct UnlockOptions {
  ChangeOptions change;
  std::string cluster;
  std::string lock;
  std::string owner;
  bool force = false;
  std::string action = "skip";
  std::vector<std::string> sources;
  std::string database;
  std::string table;
};

Run DeclareUnlock(const Syntax& syntax) {
  auto options = std::make_shared<UnlockOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add("LOCK", &options->lock, "id of the lock").Required();
  syntax.Add("--owner", &options->owner, "source that changes the table (the lock's owner)");
  syntax.Flag("--force-remove", &options->force,
              "take it away even if the owner cannot change the table");
  syntax
      .Add("--action", &options->action,
           "of an optimistic lock: what becomes of the statement of other shards (skip)")
      .OneOf({"skip", "exec"});
  syntax.Add("--source", &options->sources, "of an optimistic lock: only of this source").List();
  syntax.Add("--database", &options->database, "of an optimistic lock: only of this database");
  syntax.Add("--table", &options->table, "of an optimistic lock: only of this table");
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    v1::UnlockShardLockRequest request;
    request.set_cluster_name(options->cluster);
    request.set_lock_id(options->lock);
    request.set_owner_source_id(options->owner);
    request.set_force_remove(options->force);
    request.set_action(options->action == "exec" ? v1::SHARD_LOCK_ACTION_EXECUTE
                                                 : v1::SHARD_LOCK_ACTION_SKIP);
    request.mutable_source_ids()->Add(options->sources.begin(), options->sources.end());
    request.set_database_name(options->database);
    request.set_table_name(options->table);
    return Change<v1::UnlockShardLockResponse>(
        environment, options->change,
        fmt::format("Resolve the shard lock {} of {}? Shards that have not made the change may "
                    "not fit the target any more.",
                    options->lock, options->cluster),
        request);
  };
}

}  // namespace

std::vector<Command> TaskErrorCommands() {
  return {{"task errors list", "what has paused a task, why, and what helps",
           "dmgrctl task errors list demo shop", DeclareErrors},
          {"task errors skip", "pass over the statement that has paused a task",
           "dmgrctl task errors skip demo shop --source s1", DeclareSkip},
          {"task errors replace", "execute other statements in place of one",
           "dmgrctl task errors replace demo shop --sql 'ALTER TABLE shop.t ADD COLUMN w BIGINT'",
           DeclareReplace},
          {"task errors inject", "execute other statements before one",
           "dmgrctl task errors inject demo shop --source s1 --binlog-pos mysql-bin.000002:1234 "
           "--sql 'ALTER TABLE shop.t ADD COLUMN w BIGINT'",
           DeclareInject},
          {"task errors revert", "take back what was said of a statement that was not reached",
           "dmgrctl task errors revert demo shop --source s1 --binlog-pos mysql-bin.000002:1234",
           DeclareRevert},
          {"task locks list", "changes of tables that wait for other shards",
           "dmgrctl task locks list demo", DeclareLocks},
          {"task locks unlock", "resolve a shard lock that does not resolve itself",
           "dmgrctl task locks unlock demo 'shop-`db`.`t`'", DeclareUnlock}};
}

}  // namespace dmgr::client
