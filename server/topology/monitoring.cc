#include "server/topology/monitoring.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>

#include "server/topology/config_keys.h"
#include "server/topology/values.h"

namespace dmgr::topology {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using Problems = std::vector<Problem>;

constexpr std::size_t kMaxFileBytes = std::size_t{3} << 20;
constexpr std::size_t kMaxFiles = 100;
constexpr std::size_t kMaxStructBytes = std::size_t{64} << 10;
constexpr int kMaxListed = 100;
constexpr int kMaxRouteDepth = 16;
constexpr std::size_t kMaxSecretBytes = 4096;

// Flags that the run scripts give; a second one would be refused by the programs.
constexpr std::array<std::string_view, 9> kPrometheusFlags = {"config.file",
                                                              "web.listen-address",
                                                              "web.enable-admin-api",
                                                              "log.level",
                                                              "storage.tsdb.path",
                                                              "storage.agent.path",
                                                              "storage.tsdb.retention.time",
                                                              "storage.tsdb.retention.size",
                                                              "storage.tsdb.retention"};
constexpr std::array<std::string_view, 7> kAlertmanagerFlags = {
    "config.file",        "storage.path",           "data.retention",           "log.level",
    "web.listen-address", "cluster.listen-address", "cluster.advertise-address"};
constexpr std::array<std::string_view, 2> kWebFlags = {"web.external-url", "web.route-prefix"};
// Of a scrape job, from the template.
constexpr std::array<std::string_view, 3> kJobKeys = {"job_name", "honor_labels", "static_configs"};

template <typename Names>
bool IsOneOf(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// One empty word is how a caller says that a list, which is never shown, shall have nothing.
bool IsNone(const google::protobuf::RepeatedPtrField<std::string>& list) {
  return list.size() == 1 && list[0].empty();
}

void DropNone(google::protobuf::RepeatedPtrField<std::string>* list) {
  if (IsNone(*list)) list->Clear();
}

// Checks one server; field names are those of its message.
class Checker {
 public:
  Checker(const Draft& draft, Problems* problems) : draft_(draft), problems_(problems) {}

  void Report(std::string_view name, std::string text) {
    problems_->push_back({draft_.Field(name), std::move(text)});
  }

  template <typename Flags>
  void Args(const google::protobuf::RepeatedPtrField<std::string>& args, const Flags& own) {
    if (IsNone(args)) return;
    std::set<std::string> web;
    for (int i = 0; i < args.size(); ++i) {
      const std::string field = fmt::format("additional_args[{}]", i);
      const std::string& arg = args[i];
      const std::size_t end = std::min(arg.find('='), arg.size());
      const std::string name = end > 2 ? arg.substr(2, end - 2) : "";
      if (arg.size() > 1024 || arg.substr(0, 2) != "--" || !IsOneLine(arg) || name.empty() ||
          name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != std::string::npos) {
        Report(field, Quote(arg) + " is not one flag such as \"--query.timeout=5m\"");
      } else if (IsOneOf(own, name)) {
        Report(field, fmt::format("--{} must not be given: dmgr sets it", name));
      } else if (IsOneOf(kWebFlags, name)) {
        WebFlag(field, name, end < arg.size() ? arg.substr(end + 1) : "");
        if (!web.insert(name).second) Report(field, fmt::format("--{} is there twice", name));
      }
    }
    if (args.size() > kMaxListed) Report("additional_args", "are too many");
  }

  // what: "rule files"; key: "rule_dir", which names the folder of the caller.
  void Files(const google::protobuf::RepeatedPtrField<v1::LocalFile>& files,
             const std::string& folder, const std::string& key, std::string_view ending) {
    if (files.empty() && !folder.empty()) {
      Report(key, fmt::format("no content of {} came with the call", Quote(folder)));
    }
    std::set<std::string> names;
    std::size_t bytes = 0;
    for (const v1::LocalFile& file : files) {
      bytes += file.content().size();
      const std::string& name = file.name();
      if (!IsInstanceName(name) || name.find(':') != std::string::npos || !name.ends_with(ending)) {
        Report(key, fmt::format("{} is not a file name of letters, digits and . _ - that ends "
                                "with {}",
                                Quote(name), ending));
      } else if (!names.insert(name).second) {
        Report(key, fmt::format("{} is there twice", name));
      }
    }
    if (bytes > kMaxFileBytes || names.size() > kMaxFiles) {
      Report(key, fmt::format("{} files with {} KiB are too many: {} files and {} MiB at most",
                              names.size(), bytes >> 10, kMaxFiles, kMaxFileBytes >> 20));
    }
  }

  void Tree(const std::string& name, const Struct& tree) {
    if (tree.ByteSizeLong() > kMaxStructBytes) {
      return Report(name, fmt::format("is larger than {} KiB", kMaxStructBytes >> 10));
    }
    Walk(name, tree, 1);
  }

 private:
  // Where it is looked at follows from these.
  void WebFlag(const std::string& field, const std::string& name, const std::string& value) {
    const bool url = value.starts_with("http://") || value.starts_with("https://");
    const bool path = value.starts_with('/');
    if (name == "web.route-prefix" ? path : url || path) return;
    Report(field, fmt::format("--{} needs {}, and has {}", name,
                              name == "web.route-prefix" ? "a path that begins with /"
                                                         : "a URL, or a path that begins with /",
                              Quote(value)));
  }
  void Walk(const std::string& path, const Struct& tree, int depth) {
    if (depth > kMaxRouteDepth) {
      return Report(path, fmt::format("is nested more than {} levels deep", kMaxRouteDepth));
    }
    for (const auto& [key, value] : tree.fields()) {
      Walk(fmt::format("{}.{}", path, key), value, depth);
    }
  }
  void Walk(const std::string& path, const Value& value, int depth) {
    if (value.has_number_value() && !std::isfinite(value.number_value())) {
      Report(path, "is not a number");
    } else if (value.has_struct_value()) {
      Walk(path, value.struct_value(), depth + 1);
    } else if (depth > kMaxRouteDepth) {
      Report(path, fmt::format("is nested more than {} levels deep", kMaxRouteDepth));
    } else {
      for (const Value& element : value.list_value().values()) Walk(path, element, depth + 1);
    }
  }

  const Draft& draft_;
  Problems* problems_;
};

void CheckRetention(const v1::MonitoringServer& server, Checker& check) {
  const auto days = [&](const char* name, const std::string& time) {
    if (!time.empty() && !IsRetention(time)) {
      check.Report(name, Quote(time) + " is not a number of days such as \"15d\"");
    }
  };
  days("storage_retention_time", server.storage_retention_time());
  days("storage_retention", server.storage_retention());
  if (!server.storage_retention().empty() && !server.storage_retention_time().empty() &&
      server.storage_retention() != server.storage_retention_time()) {
    check.Report("storage_retention", "differs from storage_retention_time: leave it out");
  }
  const std::string& size = server.storage_retention_size();
  if (!size.empty() && !IsStorageSize(size)) {
    check.Report("storage_retention_size", Quote(size) + " is not a size such as \"50GB\"");
  }
}

void CheckScraping(const v1::MonitoringServer& server, Checker& check) {
  const auto duration = [&](const char* name, const std::string& text) {
    if (text.empty() || DurationMs(text) > 0) return true;
    check.Report(name, Quote(text) + " is not a duration such as \"30s\"");
    return false;
  };
  const std::string& timeout = server.scrape_timeout();
  const std::string interval = server.scrape_interval().empty() ? "15s" : server.scrape_interval();
  if (duration("scrape_interval", interval) && duration("scrape_timeout", timeout) &&
      !timeout.empty() && DurationMs(timeout) > DurationMs(interval)) {
    check.Report("scrape_timeout",
                 fmt::format("{} is longer than the scrape interval, {}", timeout, interval));
  }
  check.Tree("additional_scrape_conf", server.additional_scrape_conf());
  for (const auto& [key, value] : server.additional_scrape_conf().fields()) {
    if (IsOneOf(kJobKeys, key)) {
      check.Report("additional_scrape_conf." + key, "must not be given: dmgr sets it");
    }
  }
  for (int i = 0; i < server.pushgateway_addrs_size(); ++i) {
    const std::string& address = server.pushgateway_addrs(i);
    if (IsHostPort(address)) continue;
    check.Report(fmt::format("pushgateway_addrs[{}]", i), Quote(address) + " is not \"host:port\"");
  }
}

void CheckRemotes(const v1::MonitoringServer& server, Checker& check) {
  const auto each = [&](const char* name, const auto& remotes) {
    for (int i = 0; i < remotes.size(); ++i) {
      const std::string field = fmt::format("remote_config.{}[{}]", name, i);
      check.Tree(field, remotes[i]);
      const auto url = remotes[i].fields().find("url");
      if (url == remotes[i].fields().end() || !url->second.has_string_value()) {
        check.Report(field, "has no url");
      }
    }
    if (remotes.size() > kMaxListed) check.Report("remote_config", "has too many entries");
  };
  each("remote_write", server.remote_config().remote_write());
  each("remote_read", server.remote_config().remote_read());
  for (int i = 0; i < server.external_alertmanagers_size(); ++i) {
    const auto& other = server.external_alertmanagers(i);
    const std::string field = fmt::format("external_alertmanagers[{}]", i);
    if (!IsHost(other.host())) {
      check.Report(field + ".host", Quote(other.host()) + " is not a host name or an address");
    }
    if (other.web_port() > 65535) {
      check.Report(field + ".web_port", fmt::format("{} is not a port", other.web_port()));
    }
  }
}

bool IsLabelName(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

void CheckLabels(const v1::MonitoringServer& server, Checker& check) {
  constexpr int kMaxLabels = 30;
  constexpr std::size_t kMaxLabelBytes = 1024;
  if (server.external_labels().fields_size() > kMaxLabels) {
    check.Report("external_labels", fmt::format("are more than {}", kMaxLabels));
  }
  for (const auto& [name, value] : server.external_labels().fields()) {
    const std::string field = "external_labels." + name;
    if (!IsLabelName(name)) check.Report(field, Quote(name) + " is not the name of a label");
    if (!value.has_string_value()) {
      check.Report(field, "must be text: put it in quotes");
    } else if (!IsOneLine(value.string_value()) || value.string_value().size() > kMaxLabelBytes) {
      check.Report(field, fmt::format("must be one line of at most {} bytes", kMaxLabelBytes));
    }
  }
}

// Prometheus as an agent exits at what an agent cannot do.
void CheckAgent(const v1::MonitoringServer& server, Checker& check) {
  if (!server.enable_prom_agent_mode()) return;
  const auto refuse = [&](const char* name, bool given) {
    if (given) check.Report(name, "does not go with enable_prom_agent_mode");
  };
  refuse("storage_retention_time", !server.storage_retention_time().empty());
  refuse("storage_retention", !server.storage_retention().empty());
  refuse("storage_retention_size", !server.storage_retention_size().empty());
  refuse("rule_dir", !server.rule_files().empty());
  refuse("external_alertmanagers", !server.external_alertmanagers().empty());
  refuse("remote_config.remote_read", !server.remote_config().remote_read().empty());
  if (server.remote_config().remote_write().empty()) {
    check.Report("enable_prom_agent_mode", "an agent needs remote_config.remote_write to send to");
  }
}

Value TextValue(const std::string& text) {
  Value value;
  value.set_string_value(text);
  return value;
}

void CheckGrafanaSecrets(const v1::GrafanaServer& server, Checker& check) {
  for (const auto& [key, value] : server.secret_config().fields()) {
    const std::string field = "secret_config." + key;
    if (key.find('.') == std::string::npos || !IsInstanceName(key)) {
      check.Report(field, "must be \"section.key\", as grafana.ini has it");
    } else if (const auto set = GrafanaKeySet(key); !set.empty()) {
      check.Report(field, fmt::format("must not be given: {}", set));
    } else if (!value.has_string_value() || !IsOneLine(value.string_value()) ||
               value.string_value().size() > kMaxSecretBytes) {
      check.Report(field,
                   fmt::format("must be one line of text of at most {} bytes", kMaxSecretBytes));
    }
  }
}

}  // namespace

void SetMonitoring(const v1::MonitoringServer& server, Draft* draft, Problems* problems) {
  Checker check(*draft, problems);
  CheckRetention(server, check);
  CheckScraping(server, check);
  CheckRemotes(server, check);
  CheckLabels(server, check);
  CheckAgent(server, check);
  check.Args(server.additional_args(), kPrometheusFlags);
  check.Files(server.rule_files(), server.rule_dir(), "rule_dir", ".rules.yml");

  Instance& instance = draft->instance;
  instance.storage_retention = !server.storage_retention_time().empty()
                                   ? server.storage_retention_time()
                               : !server.storage_retention().empty() ? server.storage_retention()
                                                                     : "30d";
  instance.monitoring = server;
  instance.monitoring.clear_placement();
  instance.monitoring.clear_name();
  DropNone(instance.monitoring.mutable_additional_args());
  if (server.scrape_interval().empty()) instance.monitoring.set_scrape_interval("15s");
  for (auto& other : *instance.monitoring.mutable_external_alertmanagers()) {
    if (other.web_port() == 0) other.set_web_port(9093);
  }
}

void SetAlertmanager(const v1::AlertmanagerServer& server, Draft* draft, Problems* problems) {
  Checker check(*draft, problems);
  check.Args(server.additional_args(), kAlertmanagerFlags);
  if (server.config_file_content().content().empty() && !server.config_file().empty()) {
    check.Report("config_file",
                 fmt::format("no content of {} came with the call", Quote(server.config_file())));
  }
  if (server.config_file_content().content().size() > kMaxFileBytes) {
    check.Report("config_file", fmt::format("has more than {} MiB", kMaxFileBytes >> 20));
  }
  draft->instance.alertmanager = server;
  draft->instance.alertmanager.clear_placement();
  draft->instance.alertmanager.clear_name();
  DropNone(draft->instance.alertmanager.mutable_additional_args());
}

void SetGrafana(const v1::GrafanaServer& server, Draft* draft, Problems* problems) {
  Checker check(*draft, problems);
  check.Files(server.dashboards(), server.dashboard_dir(), "dashboard_dir", ".json");
  const std::string& url = server.root_url();
  if (!url.empty() && (!IsOneLine(url) || url.size() > 1024 ||
                       (!url.starts_with("http://") && !url.starts_with("https://")))) {
    check.Report("root_url", Quote(url) + " does not begin with http:// or https://");
  }
  if (!server.domain().empty() && !IsHost(server.domain())) {
    check.Report("domain", Quote(server.domain()) + " is not a host name");
  }
  const std::string& theme = server.default_theme();
  if (!theme.empty() && !IsOneOf(std::array{"dark", "light", "system"}, theme)) {
    check.Report("default_theme", Quote(theme) + " is none of dark, light and system");
  }
  const std::string& role = server.org_role();
  if (!role.empty() && !IsOneOf(std::array{"Viewer", "Editor", "Admin"}, role)) {
    check.Report("org_role", Quote(role) + " is none of Viewer, Editor and Admin");
  }
  if (!IsOneLine(server.org_name()) || server.org_name().size() > 190) {
    check.Report("org_name", "must be one line of at most 190 bytes");
  }
  CheckGrafanaSecrets(server, check);
  if (server.ldap_config_content().content().empty() && !server.ldap_config_file().empty()) {
    check.Report("ldap_config_file", fmt::format("no content of {} came with the call",
                                                 Quote(server.ldap_config_file())));
  }
  v1::GrafanaServer& own = draft->instance.grafana;
  *own.mutable_dashboards() = server.dashboards();
  if (server.has_ldap_config_content()) {
    *own.mutable_ldap_config_content() = server.ldap_config_content();
  }
  for (const auto& [key, value] : server.secret_config().fields()) {
    if (!value.string_value().empty())
      (*own.mutable_secret_config()->mutable_fields())[key] = value;
  }
}

FlatConfig GrafanaKeys(const v1::GrafanaServer& server) {
  FlatConfig keys;
  const auto set = [&](const char* key, const std::string& text) {
    if (!text.empty()) keys[key] = TextValue(text);
  };
  if (server.anonymous_enable()) keys["auth.anonymous.enabled"].set_bool_value(true);
  set("auth.anonymous.org_name", server.org_name());
  set("auth.anonymous.org_role", server.org_role());
  set("server.root_url", server.root_url());
  if (!UrlPath(server.root_url()).empty()) keys["server.serve_from_sub_path"].set_bool_value(true);
  set("server.domain", server.domain());
  set("users.default_theme", server.default_theme());
  if (!server.ldap_config_file().empty() || server.has_ldap_config_content()) {
    keys["auth.ldap.enabled"].set_bool_value(true);
  }
  return keys;
}

}  // namespace dmgr::topology
