// task table get, list, set, remove.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/database.h"
#include "common/error.h"
#include "dmgr/v1/table_structure_service.pb.h"

namespace dmgr::client {
namespace {

struct TableOptions {
  ChangeOptions change;
  std::string cluster;
  std::string task;
  std::string database;
  std::string table;
  std::vector<std::string> sources;
  std::string file;
  bool databases = false;
  bool from_source = false;
  bool from_target = false;
  bool no_flush = false;
  bool sync = false;
};

std::shared_ptr<TableOptions> DeclareTask(const Syntax& syntax) {
  auto options = std::make_shared<TableOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add("TASK", &options->task, "task").Required();
  return options;
}

std::shared_ptr<TableOptions> DeclareTable(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  syntax.Add("DATABASE", &options->database, "database in the source").Required();
  syntax.Add("TABLE", &options->table, "table in the source").Required();
  syntax.Add("--source", &options->sources, "only of this source (all); may be given again").List();
  return options;
}

template <typename Request>
Request About(const TableOptions& options) {
  Request request;
  request.set_cluster_name(options.cluster);
  request.set_task_name(options.task);
  request.set_database_name(options.database);
  request.mutable_source_ids()->Add(options.sources.begin(), options.sources.end());
  return request;
}

template <typename Request>
Request OfTable(const TableOptions& options) {
  auto request = About<Request>(options);
  request.set_table_name(options.table);
  return request;
}

Run DeclareList(const Syntax& syntax) {
  auto options = DeclareTask(syntax);
  syntax.Add("DATABASE", &options->database, "only tables of it that DM has a structure of (all)");
  syntax.Flag("--databases", &options->databases, "databases that DM has structures in");
  syntax.Add("--source", &options->sources, "only of this source (all); may be given again").List();
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    auto request = About<v1::ListTaskTablesRequest>(*options);
    request.set_databases_only(options->databases);
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::ListTaskTablesResponse>(request));
    environment.Print(response);
    return kDone;
  };
}

Run DeclareGet(const Syntax& syntax) {
  auto options = DeclareTable(syntax);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::GetTableStructureResponse>(
                                              OfTable<v1::GetTableStructureRequest>(*options)));
    environment.Print(response);
    return kDone;
  };
}

Run DeclareSet(const Syntax& syntax) {
  auto options = DeclareTable(syntax);
  syntax.Add("FILE", &options->file, "file with a statement CREATE TABLE; - is standard input");
  syntax.Flag("--from-source", &options->from_source, "as the table is in the source now");
  syntax.Flag("--from-target", &options->from_target, "as the table is in the target now");
  syntax.Flag("--no-flush", &options->no_flush, "not kept in the target: a restart forgets it");
  syntax.Flag("--sync", &options->sync, "other shards' locks learn of it, of optimistic ones");
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    auto request = OfTable<v1::SetTableStructureRequest>(*options);
    if (!options->file.empty()) {
      ASSIGN_OR_RETURN(*request.mutable_statement(), ReadConfig(options->file));
    }
    request.set_from_source(options->from_source);
    request.set_from_target(options->from_target);
    request.set_flush(!options->no_flush);
    request.set_sync(options->sync);
    return Change<v1::SetTableStructureResponse>(
        environment, options->change,
        fmt::format("Give task {} of {} another structure of {}.{}?", options->task,
                    options->cluster, options->database, options->table),
        request);
  };
}

Run DeclareRemove(const Syntax& syntax) {
  auto options = DeclareTable(syntax);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    return Change<v1::RemoveTableStructureResponse>(
        environment, options->change,
        fmt::format("Have task {} of {} forget the structure of {}.{}?", options->task,
                    options->cluster, options->database, options->table),
        OfTable<v1::RemoveTableStructureRequest>(*options));
  };
}

}  // namespace

std::vector<Command> TaskTableCommands() {
  return {{"task table list", "tables of a task, and where they go",
           "dmgrctl task table list demo shop", DeclareList},
          {"task table get", "a table's structure, as DM has it in mind",
           "dmgrctl task table get demo shop db t", DeclareGet},
          {"task table set", "another structure of a table of a paused task",
           "dmgrctl task table set demo shop db t table.sql", DeclareSet},
          {"task table remove", "have DM forget a table's structure",
           "dmgrctl task table remove demo shop db t", DeclareRemove}};
}

}  // namespace dmgr::client
