#include "server/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <functional>
#include <map>
#include <optional>
#include <set>

#include "common/address.h"
#include "common/toml_keys.h"
#include "server/objects/open.h"

namespace dmgr {
namespace {

// Reads the keys of one table and complains about what it does not know.
class Reader {
 public:
  Reader(const toml::table* table, std::string name, std::string file,
         std::vector<std::string>* problems, std::map<std::string, Setting>* settings)
      : table_(table),
        name_(std::move(name)),
        file_(std::move(file)),
        problems_(problems),
        settings_(settings) {}

  void Text(const std::string& key, std::string* out) {
    if (const toml::node* node = Find(key)) {
      if (auto value = node->value_exact<std::string>()) {
        *out = *value;
      } else {
        Complain(*node, key, "must be a string");
      }
    }
    Of(key).value = *out;
  }

  void Path(const std::string& key, std::string* out) {
    Text(key, out);
    if (!out->empty() && out->front() != '/') {
      if (const toml::node* node = Find(key)) Complain(*node, key, "must be an absolute path");
    }
  }

  void Paths(const std::string& key, std::vector<std::string>* out) {
    const toml::node* node = Find(key);
    if (node == nullptr) {
      Of(key);
      return;
    }
    const toml::array* list = node->as_array();
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      const auto path = list->get(i)->value_exact<std::string>();
      if (path.has_value() && path->starts_with('/')) {
        out->push_back(*path);
      } else {
        list = nullptr;
      }
    }
    if (list == nullptr) Complain(*node, key, "must be a list of absolute paths");
    Of(key).value = fmt::format("{}", fmt::join(*out, "\n"));
  }

  // "ADDRESS:PORT".
  void Address(const std::string& key, std::string* out, bool may_be_empty) {
    Text(key, out);
    if (out->empty() && may_be_empty) return;
    const auto address = ParseHostPort(*out);
    if (address.has_value() && address->port > 0) return;
    Complain(*Find(key), key, "must be an address and a port, such as 127.0.0.1:9527");
  }

  void Flag(const std::string& key, const std::map<std::string, bool>& words, bool* out) {
    const toml::node* node = Find(key);
    const auto before = problems_->size();
    std::string word;
    Text(key, &word);
    auto it = words.find(word);
    if (it != words.end()) *out = it->second;
    Of(key).value = *out ? "true" : "false";
    if (node == nullptr || problems_->size() > before || it != words.end()) return;
    std::vector<std::string> known;
    for (const auto& [name, value] : words) known.push_back('"' + name + '"');
    Complain(*node, key, fmt::format("must be {}", fmt::join(known, " or ")));
  }

  void Number(const std::string& key, int least, int most, int* out) {
    if (const toml::node* node = Find(key)) {
      auto value = node->value_exact<std::int64_t>();
      if (value.has_value() && *value >= least && *value <= most) {
        *out = static_cast<int>(*value);
      } else {
        Complain(*node, key, fmt::format("must be a whole number from {} to {}", least, most));
      }
    }
    Of(key).value = std::to_string(*out);
  }

  void Seconds(const std::string& key, int least, int most, absl::Duration* out) {
    int seconds = static_cast<int>(absl::ToInt64Seconds(*out));
    Number(key, least, most, &seconds);
    *out = absl::Seconds(seconds);
  }

  void Days(const std::string& key, int least, int most, absl::Duration* out) {
    int days = static_cast<int>(absl::ToInt64Hours(*out) / 24);
    Number(key, least, most, &days);
    *out = absl::Hours(24) * days;
  }

  void Complain(const toml::node& node, const std::string& key, const std::string& text) {
    Of(key).is_good = false;
    problems_->push_back(
        fmt::format("{}:{}: [{}] {} {}", file_, node.source().begin.line, name_, key, text));
  }

  // To be called last.
  void RefuseUnknown() {
    if (table_ == nullptr) return;
    for (const auto& [key, node] : *table_) {
      const std::string name(key.str());
      if (known_.count(name) == 0) {
        problems_->push_back(
            fmt::format("{}:{}: [{}] has no key {}", file_, key.source().begin.line, name_, name));
      }
    }
  }

  const toml::node* Find(const std::string& key) {
    known_.insert(key);
    const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
    if (node != nullptr) Of(key).line = static_cast<int>(node->source().begin.line);
    return node;
  }

 private:
  Setting& Of(const std::string& key) { return (*settings_)[name_ + "." + key]; }

  const toml::table* table_;
  const std::string name_;
  const std::string file_;
  std::vector<std::string>* problems_;
  std::map<std::string, Setting>* settings_;
  std::set<std::string> known_;
};

const std::map<std::string, bool> kModes = {{"debug", true}, {"release", false}};

void ReadServer(Reader& reader, Config* config) {
  reader.Path("socket", &config->socket);
  reader.Address("listen", &config->listen, /*may_be_empty=*/!config->socket.empty());
  reader.Path("tls_cert", &config->tls_cert);
  reader.Path("tls_key", &config->tls_key);
  if (config->tls_cert.empty() != config->tls_key.empty()) {
    const char* given = config->tls_key.empty() ? "tls_cert" : "tls_key";
    const char* missing = config->tls_key.empty() ? "tls_key" : "tls_cert";
    reader.Complain(*reader.Find(given), given, fmt::format("must go together with {}", missing));
  }
  reader.Path("tls_client_ca", &config->tls_client_ca);
  if (!config->tls_client_ca.empty() && config->tls_cert.empty()) {
    reader.Complain(*reader.Find("tls_client_ca"), "tls_client_ca",
                    "must go together with tls_cert");
  }
  reader.Flag("mode", kModes, &config->debug_mode);
  reader.Seconds("shutdown_grace_seconds", 0, 600, &config->shutdown_grace);
  reader.Address("metrics_address", &config->metrics_address, /*may_be_empty=*/true);
  reader.Address("page_address", &config->page_address, /*may_be_empty=*/true);
}
void ReadPaths(Reader& reader, Config* config) {
  reader.Path("data_dir", &config->data_dir);
  if (config->data_dir.empty()) {
    reader.Complain(*reader.Find("data_dir"), "data_dir", "must be an absolute path");
  }
  reader.Path("cluster_path", &config->cluster_path);
  reader.Paths("cluster_roots", &config->cluster_roots);
  reader.Path("warehouse_dir", &config->warehouse_dir);
  reader.Path("master_key", &config->master_key);
  reader.Path("far_end_dir", &config->far_end_dir);
}
void ReadWarehouse(Reader& reader, Config* config) {
  reader.Text("shared", &config->shared_warehouse);
  reader.Text("s3_endpoint", &config->s3_endpoint);
  reader.Text("s3_region", &config->s3_region);
  reader.Path("s3_key_file", &config->s3_key_file);
  if (config->shared_warehouse.empty()) return;
  const std::string why = objects::WhyNoPlace({.url = config->shared_warehouse,
                                               .s3_endpoint = config->s3_endpoint,
                                               .s3_region = config->s3_region});
  if (!why.empty()) reader.Complain(*reader.Find("shared"), "shared", why);
}
void ReadDatabase(Reader& reader, Config* config) {
  reader.Text("dsn", &config->dsn);
  reader.Flag("transport", {{"verified", false}, {"any", true}}, &config->insecure_dsn);
  reader.Number("pool_size", 4, 200, &config->pool_size);
}
void ReadLog(Reader& reader, Config* config) {
  reader.Text("level", &config->log_level);
  static const std::set<std::string> kLevels = {"trace", "debug", "info", "warn", "error"};
  if (kLevels.count(config->log_level) == 0) {
    reader.Complain(*reader.Find("level"), "level",
                    R"(must be "trace", "debug", "info", "warn" or "error")");
  }
  reader.Flag("format", {{"text", false}, {"json", true}}, &config->log_json);
  reader.Path("file", &config->log_file);
}
void ReadAuth(Reader& reader, Config* config) {
  store::SessionLimits& sessions = config->sessions;
  reader.Seconds("session_idle_seconds", 60, 30 * 24 * 3600, &sessions.idle);
  reader.Seconds("session_seconds", 60, 90 * 24 * 3600, &sessions.lifetime);
  reader.Number("sessions_per_user", 1, 1000, &sessions.per_user);
  reader.Days("token_days", 1, 3660, &config->longest_token);
}
void ReadEngine(Reader& reader, Config* config) {
  reader.Seconds("lease_seconds", 5, 300, &config->lease);
  reader.Number("max_operations", 1, 100, &config->max_operations);
  reader.Number("max_steps", 1, 1000, &config->max_steps);
}
void ReadHistory(Reader& reader, Config* config) {
  reader.Number("keep_days", 0, 36500, &config->keep_days);
}
void ReadLimits(Reader& reader, Config* config) {
  rpc::Limits& limits = config->limits;
  reader.Number("memory_mib", 64, 1 << 16, &limits.memory_mib);
  reader.Number("threads", 16, 4096, &limits.threads);
  reader.Number("pool_threads", 4, 4096, &config->pool_threads);
  reader.Seconds("handshake_seconds", 1, 120, &limits.handshake);
  reader.Seconds("keepalive_seconds", 5, 3600, &limits.keepalive);
  reader.Seconds("idle_seconds", 10, 24 * 3600, &limits.idle);
  reader.Number("streams_per_connection", 8, 10'000, &limits.streams_per_connection);
  reader.Number("metadata_kib", 4, 64, &limits.metadata_kib);
  reader.Number("message_kib", 2048, 1 << 16, &limits.message_kib);
  reader.Number("calls_per_user", 1, 10'000, &limits.calls_per_user);
  reader.Number("streams_per_user", 1, 100'000, &limits.streams_per_user);
  reader.Number("uploads_per_user", 1, 100, &limits.uploads_per_user);
  reader.Number("unknown_per_address", 1, 10'000, &limits.unknown_per_address);
  reader.Number("upload_kib", 1, 1 << 16, &limits.upload_kib);
  reader.Seconds("upload_seconds", 1, 3600, &limits.upload_period);
  reader.Number("hash_slots", 1, 64, &limits.hashing.slots);
  reader.Number("hash_queue", 0, 1000, &limits.hashing.queue);
  reader.Seconds("hash_wait_seconds", 1, 60, &limits.hashing.wait);
  reader.Seconds("refusals_seconds", 1, 3600, &limits.refusals_period);
}

void FillDefaults(Config* config) {
  if (config->cluster_path.empty()) config->cluster_path = config->data_dir;
  config->cluster_roots.push_back(config->cluster_path);
  if (config->warehouse_dir.empty()) config->warehouse_dir = config->data_dir + "/warehouse";
}

}  // namespace

std::string Config::Addresses() const {
  std::string all;
  if (!listen.empty()) {
    all = listen + (tls_cert.empty() ? " (plain text)" : " (TLS)");
  }
  if (!socket.empty()) all += (all.empty() ? "unix:" : " and unix:") + socket;
  return all;
}

std::string Config::PlaceOf(const std::string& file_name, const std::string& key) const {
  const auto dot = key.find('.');
  const std::string words = fmt::format("[{}] {}", key.substr(0, dot), key.substr(dot + 1));
  const auto it = settings.find(key);
  const int line = it == settings.end() ? 0 : it->second.line;
  if (file_name.empty()) return words;
  return line == 0 ? fmt::format("{}: {}", file_name, words)
                   : fmt::format("{}:{}: {}", file_name, line, words);
}

ConfigChanges TakeChanges(const Config& next, Config* running) {
  using Copy = void (*)(const Config& from, Config* to);
  static const std::map<std::string, Copy> kTaken = {
      {"log.level", [](const Config& from, Config* to) { to->log_level = from.log_level; }},
      {"log.format", [](const Config& from, Config* to) { to->log_json = from.log_json; }},
      {"server.shutdown_grace_seconds",
       [](const Config& from, Config* to) { to->shutdown_grace = from.shutdown_grace; }},
      {"limits.calls_per_user",
       [](const Config& from, Config* to) {
         to->limits.calls_per_user = from.limits.calls_per_user;
       }},
      {"limits.streams_per_user",
       [](const Config& from, Config* to) {
         to->limits.streams_per_user = from.limits.streams_per_user;
       }},
      {"limits.uploads_per_user",
       [](const Config& from, Config* to) {
         to->limits.uploads_per_user = from.limits.uploads_per_user;
       }},
      {"limits.unknown_per_address", [](const Config& from, Config* to) {
         to->limits.unknown_per_address = from.limits.unknown_per_address;
       }}};
  ConfigChanges changes;
  for (const auto& [key, setting] : next.settings) {
    Setting& before = running->settings[key];
    if (before.value == setting.value) continue;
    const auto copy = kTaken.find(key);
    if (copy == kTaken.end()) {
      changes.left.push_back(key);
      continue;
    }
    copy->second(next, running);
    before = setting;
    changes.taken.push_back(key);
  }
  return changes;
}

Config ParseConfig(const std::string& text, const std::string& file_name,
                   const std::string& mode_override, std::vector<std::string>* problems) {
  Config config;
  toml::table root;
  if (const int line = LineOfLongTomlKey(text); line != 0) {
    problems->push_back(
        fmt::format("{}:{}: a key has more than {} parts", file_name, line, kMaxTomlKeyParts));
    return config;
  }
  try {
    root = toml::parse(text, std::string_view(file_name));
  } catch (const toml::parse_error& e) {
    problems->push_back(
        fmt::format("{}:{}: {}", file_name, e.source().begin.line, std::string(e.description())));
    return config;
  }
  using Section = std::function<void(Reader&, Config*)>;
  const std::map<std::string, Section> sections = {
      {"server", ReadServer},   {"paths", ReadPaths},   {"database", ReadDatabase},
      {"log", ReadLog},         {"auth", ReadAuth},     {"engine", ReadEngine},
      {"history", ReadHistory}, {"limits", ReadLimits}, {"warehouse", ReadWarehouse}};
  for (const auto& [name, read] : sections) {
    Reader reader(root[name].as_table(), name, file_name, problems, &config.settings);
    read(reader, &config);
    reader.RefuseUnknown();
  }
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
    if (sections.count(name) == 0) {
      problems->push_back(
          fmt::format("{}:{}: there is no [{}]", file_name, key.source().begin.line, name));
    } else if (!node.is_table()) {
      problems->push_back(
          fmt::format("{}:{}: {} must be a table", file_name, key.source().begin.line, name));
    }
  }
  if (!mode_override.empty()) {
    auto mode = kModes.find(mode_override);
    if (mode == kModes.end()) {
      problems->push_back("the environment's DMGR_MODE must be debug or release");
    } else {
      config.debug_mode = mode->second;
      config.settings["server.mode"].value = mode->second ? "true" : "false";
    }
  }
  FillDefaults(&config);
  return config;
}

}  // namespace dmgr
