#include "configs.h"

#include <algorithm>
#include <set>

#include "dm_error.h"
#include "yaml.h"

namespace dmsim {
namespace {

constexpr char kMasked[] = "******";
constexpr char kYamlFormat[] = "Please check the configuration file has correct YAML format.";
const char* const kOpenApiSecurity = "security";

Parsed Wrong(int code, const std::string& message, const std::string& where) {
  const std::string kind =
      where.empty() ? ""
                    : "Please check the `" + where + "` config in " + "task configuration file.";
  return {nullptr, DmError(code, message, "", kind)};
}

Json Under(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() ? Json() : *it;
}

std::string TextOf(const Json& object, const char* key) {
  const Json value = Under(object, key);
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

// Fills what `object` does not have.
void Default(const Json& values, Json* object) {
  for (const auto& [key, value] : values.items()) {
    if (!object->contains(key) || (*object)[key].is_null()) (*object)[key] = value;
  }
}

// The first rule that an instance names and the task does not have.
std::string MissingRule(const Json& config, const Json& instance, const char* names,
                        const char* where) {
  const Json wanted = Under(instance, names);
  if (!wanted.is_array()) return "";
  for (const Json& name : wanted) {
    const Json rules = Under(config, where);
    const std::string text = name.is_string() ? name.get<std::string>() : name.dump();
    if (!rules.is_object() || !rules.contains(text)) return text;
  }
  return "";
}

Parsed CheckInstances(Json config) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < config["mysql-instances"].size(); ++i) {
    const Json& instance = config["mysql-instances"][i];
    const std::string id = TextOf(instance, "source-id");
    const std::string number = "mysql-instance(" + std::to_string(i) + ")";
    if (const auto twin = std::find(ids.begin(), ids.end(), id); twin != ids.end()) {
      return Wrong(20014,
                   "mysql-instance (" + std::to_string(twin - ids.begin()) + ") and (" +
                       std::to_string(i) + ") have same source-id (" + id + ")",
                   "mysql-instances");
    }
    ids.push_back(id);
    const std::string route = MissingRule(config, instance, "route-rules", "routes");
    if (!route.empty()) {
      return Wrong(20023, number + "'s route-rules " + route + " not exist in routes",
                   "route-rules");
    }
    const std::string filter = MissingRule(config, instance, "filter-rules", "filters");
    if (!filter.empty()) {
      return Wrong(20024, number + "'s filter-rules " + filter + " not exist in filters",
                   "filter-rules");
    }
    const std::string list = TextOf(instance, "block-allow-list");
    const Json lists = Under(config, "block-allow-list");
    if (!list.empty() && (!lists.is_object() || !lists.contains(list))) {
      return Wrong(20026, number + "'s list " + list + " not exist in block allow list",
                   "block-allow-list");
    }
  }
  return {std::move(config), ""};
}

}  // namespace

Parsed ParseSource(const std::string& yaml) {
  Parsed parsed;
  if (!ParseYaml(yaml, SourceShape(), &parsed.config, &parsed.error)) {
    return {nullptr, DmError(20003, "decode source config", parsed.error, kYamlFormat)};
  }
  const std::string id = TextOf(parsed.config, "source-id");
  if (id.empty()) {
    return {nullptr, DmError(20005, "empty source-id not valid", "",
                             "Please check the `source-id` config in configuration file.")};
  }
  if (id.size() > 32) {
    return {nullptr, DmError(20006, "too long source-id not valid", "",
                             "Please check the `source-id` config in configuration file. The max "
                             "source id length is 32.")};
  }
  parsed.config["source-id"] = id;
  return parsed;
}

Parsed ParseTask(const std::string& yaml) {
  Json config;
  std::string error;
  if (!ParseYaml(yaml, TaskShape(), &config, &error)) {
    return {nullptr, DmError(20003, "decode task config failed", error, kYamlFormat)};
  }
  if (TextOf(config, "name").empty())
    return Wrong(20019, "must specify a unique task name", "name");
  config["name"] = TextOf(config, "name");
  const std::string mode = TextOf(config, "task-mode");
  if (!std::set<std::string>{"full", "incremental", "all"}.contains(mode)) {
    return Wrong(20020, "please specify right task-mode, support `full`, `incremental`, `all`",
                 "task-mode");
  }
  const std::string shard = TextOf(config, "shard-mode");
  if (!std::set<std::string>{"", "pessimistic", "optimistic"}.contains(shard)) {
    return {nullptr, DmError(20033, "shard mode " + shard + " not supported", "",
                             "Please check the `shard-mode` config in task configuration file, "
                             "which can be set to `pessimistic`/`optimistic`.")};
  }
  if (!Under(config, "target-database").is_object()) {
    return Wrong(20021, "must specify target-database", "target-database");
  }
  const Json instances = Under(config, "mysql-instances");
  if (!instances.is_array() || instances.empty()) {
    return Wrong(20013, "must specify at least one mysql-instances", "mysql-instances");
  }
  return CheckInstances(std::move(config));
}

Json OpenApiOfSource(const Json& config) {
  const Json from = config.value("from", Json::object());
  Json source = {{"source_name", config["source-id"]},
                 {"host", TextOf(from, "host")},
                 {"port", from.value("port", Json(3306))},
                 {"user", TextOf(from, "user")},
                 {"password", TextOf(from, "password")},
                 {"enable", config.value("enable", Json(true))},
                 {"enable_gtid", config.value("enable-gtid", Json(false))}};
  if (from.contains("security")) source[kOpenApiSecurity] = from["security"];
  return source;
}

Json SourceOfOpenApi(const Json& source) {
  Json config = {{"source-id", source["source_name"]},
                 {"enable", source.value("enable", Json(true))},
                 {"enable-gtid", source.value("enable_gtid", Json(false))},
                 {"from",
                  {{"host", source["host"]},
                   {"port", source["port"]},
                   {"user", source["user"]},
                   {"password", source["password"]}}}};
  if (source.contains("flavor")) config["flavor"] = source["flavor"];
  return config;
}

Json SourceConfigOf(const Json& document, const std::string& name) {
  const auto it = document["source_configs"].find(name);
  return it == document["source_configs"].end() ? SourceOfOpenApi(document["sources"][name]) : *it;
}

Json FillSource(Json config) {
  Default({{"enable", true},
           {"enable-gtid", false},
           {"auto-fix-gtid", false},
           {"relay-dir", ""},
           {"meta-dir", ""},
           {"flavor", "mysql"},
           {"charset", ""},
           {"enable-relay", false},
           {"relay-binlog-name", ""},
           {"relay-binlog-gtid", ""},
           {"server-id", 429'000'000 + HashId(config["source-id"]) % 1'000'000},
           {"case-sensitive", false},
           {"filters", Json::array()},
           {"tracer", Json::object()},
           {"from", Json::object()},
           {"purge", Json::object()},
           {"checker", Json::object()}},
          &config);
  Default({{"host", ""},
           {"port", 3306},
           {"user", ""},
           {"password", ""},
           {"max-allowed-packet", 67108864},
           {"session", Json::object()}},
          &config["from"]);
  Default({{"interval", 3600}, {"expires", 0}, {"remain-space", 15}}, &config["purge"]);
  Default({{"check-enable", true},
           {"backoff-rollback", "5m0s"},
           {"backoff-max", "5m0s"},
           {"check-interval", "5s"},
           {"backoff-min", "1s"},
           {"backoff-jitter", true},
           {"backoff-factor", 2}},
          &config["checker"]);
  return config;
}

Json FillTask(Json config) {
  Default({{"is-sharding", !TextOf(config, "shard-mode").empty()},
           {"shard-mode", ""},
           {"strict-optimistic-shard-mode", false},
           {"ignore-checking-items", Json::array()},
           {"meta-schema", "dm_meta"},
           {"enable-heartbeat", false},
           {"heartbeat-update-interval", 1},
           {"heartbeat-report-interval", 1},
           {"timezone", ""},
           {"case-sensitive", false},
           {"collation_compatible", "loose"},
           {"online-ddl", true},
           {"clean-dump-file", true},
           {"ansi-quotes", false},
           {"remove-meta", false},
           {"routes", Json::object()},
           {"filters", Json::object()},
           {"block-allow-list", Json::object()},
           {"mydumpers", Json::object()},
           {"loaders", Json::object()},
           {"syncers", Json::object()},
           {"validators", Json::object()}},
          &config);
  Default(
      {{"host", ""}, {"port", 4000}, {"user", ""}, {"password", ""}, {"session", Json::object()}},
      &config["target-database"]);
  for (Json& instance : config["mysql-instances"]) {
    Default({{"filter-rules", Json::array()},
             {"route-rules", Json::array()},
             {"block-allow-list", ""},
             {"mydumper-thread", 0},
             {"loader-thread", 0},
             {"syncer-thread", 0}},
            &instance);
  }
  return config;
}

Json MaskSource(Json config) {
  if (!TextOf(config["from"], "password").empty()) config["from"]["password"] = kMasked;
  return config;
}

Json MaskTask(Json config) {
  Json& target = config["target-database"];
  if (!TextOf(target, "password").empty()) target["password"] = kMasked;
  return config;
}

std::vector<std::string> SourcesOfTask(const Json& config) {
  std::vector<std::string> sources;
  for (const Json& instance : config["mysql-instances"]) {
    sources.push_back(TextOf(instance, "source-id"));
  }
  return sources;
}

std::string Unreachable(const Json& document, const Json& database, const char* scope) {
  const std::string address = TextOf(database, "host") + ":" + TextOf(database, "port");
  bool down = TextOf(database, "port") == "1";
  for (const Json& item : document["knobs"].value("down", Json::array())) down |= item == address;
  if (!down) return "";
  std::string text = DmError(10001, "database driver error",
                             "dial tcp " + address + ": connect: connection refused",
                             "Please check the database connection and the database config in "
                             "configuration file.");
  const std::string generic = "scope=downstream";
  return text.replace(text.find(generic), generic.size(), std::string("scope=") + scope);
}

Json SubtaskConfig(const Json& task_config, const std::string& source) {
  Json config = task_config;
  for (const Json& instance : task_config["mysql-instances"]) {
    if (TextOf(instance, "source-id") == source) config["instance"] = instance;
  }
  config["source-id"] = source;
  config["mode"] = task_config["task-mode"];
  config["to"] = task_config["target-database"];
  for (const char* key : {"mysql-instances", "task-mode", "target-database"}) config.erase(key);
  return config;
}

void AddSubtaskConfig(const Json& subtask_config, Json* task_config) {
  Json config = subtask_config;
  Json instance = config.value("instance", Json::object());
  instance["source-id"] = config["source-id"];
  config["task-mode"] = config.value("mode", Json("all"));
  config["target-database"] = config.value("to", Json::object());
  for (const char* key : {"instance", "source-id", "mode", "to"}) config.erase(key);
  Json instances = task_config->is_object() ? (*task_config)["mysql-instances"] : Json::array();
  instances.push_back(instance);
  config["mysql-instances"] = std::move(instances);
  *task_config = std::move(config);
}

}  // namespace dmsim
