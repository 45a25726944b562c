// Structures of tables, as DM has them in mind.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "common/error.h"
#include "common/untrusted_json.h"
#include "server/clusters/record.h"
#include "server/migrations/task_status.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
#include "server/operations/mend/look.h"
#include "server/operations/mend/mend.h"
#include "server/operations/mend/plan.h"

namespace dmgr::operations {
namespace {

constexpr std::size_t kStructureText = 256 << 10;
constexpr std::size_t kTableName = 300;
constexpr int kMostTables = 10'000;

// DM changes and tells structures of what is paused only.
absl::Status RequirePaused(const Resources& resources, const topology::Cluster& cluster,
                           const std::string& task, const std::vector<std::string>& sources) {
  ASSIGN_OR_RETURN(const auto stuck, LookAtStuck(resources, cluster, task, sources, WithinLook()));
  for (const auto& subtask : stuck.subtasks) {
    if (subtask.stage() == v1::TASK_STAGE_PAUSED) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "TASK_NOT_PAUSED",
                 "task {} is not paused for source {}, and DM tells and changes structures of "
                 "paused tasks only",
                 task, subtask.source_id())
        .With("task", task)
        .With("source", subtask.source_id())
        .Remedy("pause it, and resume it afterwards");
  }
  return absl::OkStatus();
}

template <typename Request>
pb::OperateSchemaRequest ReadOf(const Request& request, pb::SchemaOp op) {
  pb::OperateSchemaRequest asked;
  asked.set_op(op);
  asked.set_task(request.task_name());
  asked.set_database(request.database_name());
  for (const auto& source : request.source_ids()) asked.add_sources(source);
  return asked;
}

std::string TextIn(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return "";
  return migrations::CleanText(found->get<std::string>(), kTableName);
}

// A row of a list of names, or of objects that say where a table goes.
v1::TaskTable TableIn(const nlohmann::json& row, const v1::ListTaskTablesRequest& request) {
  v1::TaskTable table;
  if (row.is_string()) {
    const std::string name = migrations::CleanText(row.get<std::string>(), kTableName);
    table.set_database_name(request.databases_only() ? name : request.database_name());
    if (!request.databases_only()) table.set_table_name(name);
    return table;
  }
  table.set_database_name(TextIn(row, "source_schema"));
  table.set_table_name(TextIn(row, "source_table"));
  table.set_target_database_name(TextIn(row, "target_schema"));
  table.set_target_table_name(TextIn(row, "target_table"));
  return table;
}

pb::SchemaOp OpOf(const v1::ListTaskTablesRequest& request) {
  if (request.databases_only()) return pb::SCHEMA_OP_LIST_SCHEMA;
  return request.database_name().empty() ? pb::SCHEMA_OP_LIST_MIGRATE_TARGETS
                                         : pb::SCHEMA_OP_LIST_TABLE;
}

absl::Status CheckStructure(const v1::SetTableStructureRequest& request) {
  const int count = (request.statement().empty() ? 0 : 1) + (request.from_source() ? 1 : 0) +
                    (request.from_target() ? 1 : 0);
  if (count != 1) {
    return UnfitRequest("where the structure comes from was not said",
                        "give a statement, or take it from the source or the target");
  }
  const auto text = absl::StripLeadingAsciiWhitespace(request.statement());
  if (!text.empty() && !absl::StartsWithIgnoreCase(text, "create table")) {
    return UnfitRequest("a structure is a statement CREATE TABLE",
                        "give what SHOW CREATE TABLE prints");
  }
  return absl::OkStatus();
}

template <typename Request>
pv1::StructureParams StructureOf(const Request& request) {
  pv1::StructureParams params;
  params.set_task_name(request.task_name());
  params.set_database_name(request.database_name());
  params.set_table_name(request.table_name());
  *params.mutable_source_ids() = request.source_ids();
  return params;
}

template <typename Request>
absl::StatusOr<v1::Operation> ChangeStructure(const Resources& resources, const Request& request,
                                              const Caller& caller,
                                              const pv1::StructureParams& params,
                                              const absl::Status& fits) {
  ChangeRules rules;
  rules.of_foreign = true;
  rules.require = [&](const Subject& subject) -> absl::Status {
    RETURN_IF_ERROR(fits);
    return RequireUp(subject.record);
  };
  rules.look = [&](const Subject& subject) {
    return RequirePaused(resources, subject.record.cluster, request.task_name(),
                         ListOf(request.source_ids()));
  };
  rules.plan = [&](const Subject& subject) {
    return PlanStructure(subject.record.cluster, params);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace

absl::StatusOr<v1::GetTableStructureResponse> GetTableStructure(
    const Resources& resources, const v1::GetTableStructureRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  RETURN_IF_ERROR(
      RequirePaused(resources, record.cluster, request.task_name(), ListOf(request.source_ids())));
  auto asked = ReadOf(request, pb::SCHEMA_OP_GET_SCHEMA);
  asked.set_table(request.table_name());
  ASSIGN_OR_RETURN(const auto answers, resources.members->migrations().OperateSchema(
                                           record.cluster, asked, WithinLook()));
  v1::GetTableStructureResponse response;
  for (const auto& answer : answers) {
    auto* structure = response.add_structures();
    structure->set_source_id(answer.source);
    structure->set_statement(migrations::CleanText(answer.message, kStructureText));
  }
  return response;
}

absl::StatusOr<v1::ListTaskTablesResponse> ListTaskTables(
    const Resources& resources, const v1::ListTaskTablesRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  const auto op = OpOf(request);
  if (op != pb::SCHEMA_OP_LIST_MIGRATE_TARGETS) {
    RETURN_IF_ERROR(RequirePaused(resources, record.cluster, request.task_name(),
                                  ListOf(request.source_ids())));
  }
  ASSIGN_OR_RETURN(const auto answers, resources.members->migrations().OperateSchema(
                                           record.cluster, ReadOf(request, op), WithinLook()));
  v1::ListTaskTablesResponse response;
  for (const auto& answer : answers) {
    const auto rows = ParseUntrustedJson(answer.message, kListLimits);
    if (!rows.has_value() || !rows->is_array()) continue;
    for (const auto& row : *rows) {
      if (response.tables_size() == kMostTables) return response;
      auto table = TableIn(row, request);
      table.set_source_id(answer.source);
      *response.add_tables() = std::move(table);
    }
  }
  return response;
}

absl::StatusOr<v1::Operation> SetTableStructure(const Resources& resources,
                                                const v1::SetTableStructureRequest& request,
                                                const Caller& caller) {
  auto params = StructureOf(request);
  params.set_statement(request.statement());
  params.set_from_source(request.from_source());
  params.set_from_target(request.from_target());
  params.set_flush(request.flush());
  params.set_sync(request.sync());
  return ChangeStructure(resources, request, caller, params, CheckStructure(request));
}

absl::StatusOr<v1::Operation> RemoveTableStructure(const Resources& resources,
                                                   const v1::RemoveTableStructureRequest& request,
                                                   const Caller& caller) {
  return ChangeStructure(resources, request, caller, StructureOf(request), absl::OkStatus());
}

}  // namespace dmgr::operations
