#include <fmt/format.h>

#include <algorithm>

#include "server/migrations/config.h"
#include "server/migrations/document.h"
#include "server/topology/topology.h"

namespace dmgr::migrations {
namespace {

constexpr char kTarget[] = "target";
constexpr char kDatabase[] = "target-database";

// Of DM v5.4 to v8.5, and dmgr's own one.
const std::vector<std::string>& TaskKeys() {
  static const std::vector<std::string> keys = {"name",
                                                "task-mode",
                                                "is-sharding",
                                                "shard-mode",
                                                "strict-optimistic-shard-mode",
                                                "ignore-checking-items",
                                                "meta-schema",
                                                "enable-heartbeat",
                                                "heartbeat-update-interval",
                                                "heartbeat-report-interval",
                                                "timezone",
                                                "case-sensitive",
                                                "collation_compatible",
                                                "target-database",
                                                "mysql-instances",
                                                "online-ddl",
                                                "shadow-table-rules",
                                                "trash-table-rules",
                                                "online-ddl-scheme",
                                                "routes",
                                                "filters",
                                                "column-mappings",
                                                "expression-filter",
                                                "black-white-list",
                                                "block-allow-list",
                                                "mydumpers",
                                                "loaders",
                                                "syncers",
                                                "validators",
                                                "clean-dump-file",
                                                "ansi-quotes",
                                                "remove-meta",
                                                "experimental",
                                                kTarget};
  return keys;
}

void CheckMode(const Node& root, const std::string& mode, Mistakes* mistakes) {
  static const std::vector<std::string> modes = {"full", "incremental", "all", "dump", "load&sync"};
  if (mode.empty() || std::ranges::find(modes, mode) != modes.end()) return;
  mistakes->Add(root.Find("task-mode")->line, "task-mode must be full, incremental or all");
}

std::vector<std::string> SourcesOf(const Node& root, Mistakes* mistakes) {
  const Node* instances = root.Find("mysql-instances");
  if (instances == nullptr || instances->kind != Node::Kind::kList || instances->children.empty()) {
    mistakes->Add(instances == nullptr ? 1 : instances->line,
                  "mysql-instances must name one source at least");
    return {};
  }
  std::vector<std::string> sources;
  for (const Node& instance : instances->children) {
    if (instance.kind != Node::Kind::kMap) {
      mistakes->Add(instance.line, "each of mysql-instances must have a source-id");
      continue;
    }
    std::string source = RequireText(instance, "mysql-instances", "source-id", mistakes);
    if (source.empty()) continue;
    if (std::ranges::find(sources, source) != sources.end()) {
      mistakes->Add(instance.line, fmt::format("source {} is named twice", source));
      continue;
    }
    sources.push_back(std::move(source));
  }
  return sources;
}

std::string TargetOf(const Node& root, Mistakes* mistakes) {
  const Node* target = root.Find(kTarget);
  const Node* database = root.Find(kDatabase);
  if ((target == nullptr) == (database == nullptr)) {
    mistakes->Add(target == nullptr ? 1 : target->line,
                  "there must be either a target-database or a target, the name of one");
    return "";
  }
  if (database != nullptr) {
    if (database->kind == Node::Kind::kMap) {
      for (const char* key : {"host", "port", "user"}) {
        RequireText(*database, kDatabase, key, mistakes);
      }
    } else {
      mistakes->Add(database->line, "target-database must have host, port and user");
    }
    return "";
  }
  std::string name = RequireText(root, "", kTarget, mistakes);
  if (!name.empty() && !topology::IsClusterName(name)) {
    mistakes->Add(target->line, "target is no name of a target");
  }
  return name;
}

std::string DatabaseOf(const v1::Target& target, int column) {
  const std::string indent(static_cast<std::size_t>(column), ' ');
  std::string text = std::string(kDatabase) + ":";
  const auto add = [&](int level, const std::string& key, const std::string& value) {
    text +=
        fmt::format("\n{}{}{}:{}{}", indent, std::string(static_cast<std::size_t>(level) * 2, ' '),
                    key, value.empty() ? "" : " ", value);
  };
  add(1, "host", Quoted(target.host()));
  add(1, "port", std::to_string(target.port()));
  add(1, "user", Quoted(target.user_name()));
  add(1, "password", Quoted(target.password()));
  if (target.ca_certificate().empty() && target.client_certificate().empty()) return text;
  add(1, "security", "");
  if (!target.ca_certificate().empty()) add(2, "ssl-ca-bytes", ByteList(target.ca_certificate()));
  if (!target.client_certificate().empty()) {
    add(2, "ssl-cert-bytes", ByteList(target.client_certificate()));
    add(2, "ssl-key-bytes", ByteList(target.client_key()));
  }
  return text;
}

}  // namespace

absl::StatusOr<TaskConfig> ReadTask(const std::string& yaml) {
  Mistakes mistakes;
  const auto root = ReadDocument(yaml, &mistakes);
  if (!root.has_value()) return mistakes.ToStatus("task");
  CheckKeys(*root, "", TaskKeys(), &mistakes);
  TaskConfig config;
  config.name = RequireText(*root, "", "name", &mistakes);
  CheckName(*root, "name", &mistakes);
  config.mode = RequireText(*root, "", "task-mode", &mistakes);
  CheckMode(*root, config.mode, &mistakes);
  config.sources = SourcesOf(*root, &mistakes);
  config.target_name = TargetOf(*root, &mistakes);
  SecretsOf(yaml, *root, &mistakes);
  if (!mistakes.empty()) return mistakes.ToStatus("task");
  return config;
}

absl::StatusOr<std::string> PutTarget(const std::string& yaml, const v1::Target& target) {
  Mistakes mistakes;
  const auto root = ReadDocument(yaml, &mistakes);
  if (!root.has_value()) return mistakes.ToStatus("task");
  const Node* named = root->Find(kTarget);
  if (named == nullptr) return yaml;
  const auto end = EndOfScalar(yaml, *named);
  if (!end.has_value()) {
    mistakes.Add(named->line, "target must be a name on one line");
    return mistakes.ToStatus("task");
  }
  return yaml.substr(0, named->key_position) + DatabaseOf(target, named->key_column) +
         yaml.substr(*end);
}

}  // namespace dmgr::migrations
