#include "client/migrations/configs.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "common/error.h"

namespace dmgr::client {
namespace {

constexpr char kList[] = "tables";
constexpr char kAnyName[] = "*";

struct TablePattern {
  std::string database;
  std::string table;
};

struct RouteWords {
  TablePattern from;
  TablePattern to;
};

bool HasWildcard(const std::string& name) { return name.find_first_of("*?") != std::string::npos; }

absl::StatusOr<TablePattern> ReadTable(const std::string& text) {
  const auto dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                 "\"{}\" is not DATABASE.TABLE, such as 'shop.*'", text);
  }
  return TablePattern{text.substr(0, dot), text.substr(dot + 1)};
}

absl::StatusOr<RouteWords> ReadRoute(const std::string& text) {
  constexpr std::string_view kArrow = "=>";
  const auto arrow = text.find(kArrow);
  if (arrow == std::string::npos) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                 "route \"{}\" is not FROM=>TO, such as 'shop.*=>shop2.*'", text);
  }
  RouteWords route;
  ASSIGN_OR_RETURN(route.from, ReadTable(text.substr(0, arrow)));
  ASSIGN_OR_RETURN(route.to, ReadTable(text.substr(arrow + kArrow.size())));
  if (HasWildcard(route.to.database) ||
      (HasWildcard(route.to.table) && route.to.table != kAnyName)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                 "route \"{}\" leads to no one place: behind => stand a database, and a table or *",
                 text);
  }
  return route;
}

// A key and a text that stays one, whatever is in it.
void EmitPair(YAML::Emitter* out, const char* key, const std::string& value) {
  *out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
}

void EmitInstances(YAML::Emitter* out, const TaskWords& words) {
  *out << YAML::Key << "mysql-instances" << YAML::Value << YAML::BeginSeq;
  for (const auto& source : words.sources) {
    *out << YAML::BeginMap;
    EmitPair(out, "source-id", source);
    if (!words.tables.empty()) EmitPair(out, "block-allow-list", kList);
    if (!words.routes.empty()) {
      *out << YAML::Key << "route-rules" << YAML::Value << YAML::Flow << YAML::BeginSeq;
      for (std::size_t i = 0; i < words.routes.size(); ++i) {
        *out << YAML::DoubleQuoted << fmt::format("route-{}", i + 1);
      }
      *out << YAML::EndSeq;
    }
    *out << YAML::EndMap;
  }
  *out << YAML::EndSeq;
}

// do-dbs is what DM holds statements about whole databases against, do-tables all others.
void EmitTables(YAML::Emitter* out, const std::vector<TablePattern>& tables) {
  *out << YAML::Key << "block-allow-list" << YAML::Value << YAML::BeginMap;
  *out << YAML::Key << kList << YAML::Value << YAML::BeginMap;
  *out << YAML::Key << "do-dbs" << YAML::Value << YAML::Flow << YAML::BeginSeq;
  std::vector<std::string> databases;
  for (const auto& one : tables) {
    if (std::find(databases.begin(), databases.end(), one.database) != databases.end()) continue;
    databases.push_back(one.database);
    *out << YAML::DoubleQuoted << one.database;
  }
  *out << YAML::EndSeq;
  if (std::any_of(tables.begin(), tables.end(),
                  [](const TablePattern& one) { return one.table != kAnyName; })) {
    *out << YAML::Key << "do-tables" << YAML::Value << YAML::BeginSeq;
    for (const auto& one : tables) {
      *out << YAML::BeginMap;
      EmitPair(out, "db-name", one.database);
      EmitPair(out, "tbl-name", one.table);
      *out << YAML::EndMap;
    }
    *out << YAML::EndSeq;
  }
  *out << YAML::EndMap << YAML::EndMap;
}

// Without a table's pattern a route is also for statements about the whole database.
void EmitRoutes(YAML::Emitter* out, const std::vector<RouteWords>& routes) {
  *out << YAML::Key << "routes" << YAML::Value << YAML::BeginMap;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto& [from, to] = routes[i];
    *out << YAML::Key << fmt::format("route-{}", i + 1) << YAML::Value << YAML::BeginMap;
    EmitPair(out, "schema-pattern", from.database);
    if (from.table != kAnyName || to.table != kAnyName) EmitPair(out, "table-pattern", from.table);
    EmitPair(out, "target-schema", to.database);
    if (to.table != kAnyName) EmitPair(out, "target-table", to.table);
    *out << YAML::EndMap;
  }
  *out << YAML::EndMap;
}

}  // namespace

std::string SourceYaml(const SourceWords& words) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  EmitPair(&out, "source-id", words.id);
  out << YAML::Key << "enable-gtid" << YAML::Value << words.gtid;
  if (words.relay) out << YAML::Key << "enable-relay" << YAML::Value << true;
  out << YAML::Key << "from" << YAML::Value << YAML::BeginMap;
  EmitPair(&out, "host", words.host);
  out << YAML::Key << "port" << YAML::Value << words.port;
  EmitPair(&out, "user", words.user);
  EmitPair(&out, "password", words.password);
  out << YAML::EndMap << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

absl::StatusOr<std::string> TaskYaml(const TaskWords& words) {
  std::vector<TablePattern> tables;
  for (const auto& text : words.tables) {
    ASSIGN_OR_RETURN(const auto table, ReadTable(text));
    tables.push_back(table);
  }
  std::vector<RouteWords> routes;
  for (const auto& text : words.routes) {
    ASSIGN_OR_RETURN(const auto route, ReadRoute(text));
    routes.push_back(route);
  }
  YAML::Emitter out;
  out << YAML::BeginMap;
  EmitPair(&out, "name", words.name);
  EmitPair(&out, "task-mode", words.mode);
  if (!words.shard_mode.empty()) EmitPair(&out, "shard-mode", words.shard_mode);
  EmitPair(&out, "target", words.target);
  EmitInstances(&out, words);
  if (!tables.empty()) EmitTables(&out, tables);
  if (!routes.empty()) EmitRoutes(&out, routes);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace dmgr::client
