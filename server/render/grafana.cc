#include "server/render/grafana.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/error.h"
#include "common/numbers.h"
#include "common/package/sha256.h"
#include "server/render/from_package.h"

namespace dmgr::render {
namespace {

using google::protobuf::Value;

constexpr std::string_view kDashboardDir = "grafana/dashboards/";
// Keys without a section.
constexpr std::string_view kDefaultSection = "DEFAULT";

bool IsIniName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
}

// As Grafana writes it; nullopt for what an INI file cannot hold.
std::optional<std::string> IniValue(const Value& value) {
  if (value.has_bool_value()) return value.bool_value() ? "true" : "false";
  if (value.has_number_value()) return NumberText(value.number_value());
  if (!value.has_string_value()) return std::nullopt;
  const std::string& text = value.string_value();
  const bool has_control =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (has_control) return std::nullopt;
  return text;
}

// The length of a placeholder that begins here, or 0: "${DS_ANYTHING}", "DS_ANYTHING-CLUSTER" as
// exports declare it, and the names that PingCAP's dashboards have in their titles.
std::size_t PlaceholderAt(std::string_view text) {
  constexpr std::string_view kNameChars =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
  constexpr std::string_view kCluster = "-CLUSTER";
  const auto name_end = [&](std::size_t begin) {
    return std::min(text.find_first_not_of(kNameChars, begin), text.size());
  };
  if (text.starts_with("${DS_")) {
    const std::size_t end = name_end(2);
    return end < text.size() && text[end] == '}' ? end + 1 : 0;
  }
  if (text.starts_with("DS_")) {
    const std::size_t end = name_end(0);
    return text.substr(0, end).ends_with(kCluster) ? end : 0;
  }
  for (const std::string_view name : {"test-cluster", "Test-Cluster"}) {
    if (text.starts_with(name)) return name.size();
  }
  return 0;
}

// In one pass: the cluster's own name may look like a placeholder.
std::string FillIn(std::string_view dashboard, const std::string& cluster_name) {
  std::string result;
  while (!dashboard.empty()) {
    const std::size_t plain = std::min(dashboard.find_first_of("$DTt"), dashboard.size());
    result.append(dashboard.substr(0, plain));
    dashboard.remove_prefix(plain);
    const std::size_t length = PlaceholderAt(dashboard);
    if (length > 0) {
      result += cluster_name;
      dashboard.remove_prefix(length);
    } else if (!dashboard.empty()) {
      result += dashboard.front();
      dashboard.remove_prefix(1);
    }
  }
  return result;
}

}  // namespace

absl::StatusOr<std::string> GrafanaIni(const google::protobuf::Struct& config) {
  if (config.fields().empty()) return std::string();
  Error error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID",
              "grafana.ini cannot hold this configuration");
  bool failed = false;
  std::map<std::string, std::map<std::string, std::string>> sections;
  for (const auto& [path, value] : config.fields()) {
    const auto dot = path.rfind('.');
    const std::string section =
        dot == std::string::npos ? std::string(kDefaultSection) : path.substr(0, dot);
    const std::string key = dot == std::string::npos ? path : path.substr(dot + 1);
    const auto text = IniValue(value);
    if (!IsIniName(section) || !IsIniName(key) || !text) {
      failed = true;
      error.Field("config." + path, "must be section.key with one value on one line");
    } else {
      sections[section][key] = *text;
    }
  }
  if (failed) return error;
  std::string ini = "\n# From the topology.\n";
  for (const auto& [section, keys] : sections) {
    ini += fmt::format("[{}]\n", section);
    for (const auto& [key, value] : keys) ini += fmt::format("{} = `{}`\n", key, value);
  }
  return ini;
}

std::vector<DataSource> DataSourcesOf(const topology::Cluster& cluster) {
  std::vector<DataSource> sources;
  for (const auto* prometheus : cluster.Of(topology::Component::kPrometheus)) {
    if (prometheus->monitoring.enable_prom_agent_mode()) continue;
    const std::string suffix = sources.empty() ? "" : fmt::format(" {}", sources.size() + 1);
    DataSource& source = sources.emplace_back();
    source.prometheus = prometheus;
    source.name = cluster.name + suffix;
    source.first_name = source.name;
    if (!cluster.former_names.empty()) source.first_name = cluster.former_names.front() + suffix;
    for (const auto& former : cluster.former_names) {
      if (former != cluster.name) source.former_names.push_back(former + suffix);
    }
  }
  return sources;
}

std::string DatasourceUid(const std::string& name) {
  package::Sha256 hash;
  hash.Update(name);
  return hash.Hex().substr(0, 40);
}

std::map<std::string, std::string> Dashboards(const PackageFiles& package,
                                              const topology::Instance& grafana,
                                              const topology::Cluster& cluster) {
  std::map<std::string, std::string> dashboards;
  for (const auto& file : grafana.grafana.dashboards()) {
    dashboards.emplace(file.name(), FillIn(file.content(), cluster.name));
  }
  if (!dashboards.empty()) return dashboards;
  for (const auto& [path, content] : package) {
    if (!path.starts_with(kDashboardDir) || !path.ends_with(".json")) continue;
    if (path[kDashboardDir.size()] == '.') continue;  // Hidden: what a system has put there.
    if (IsOfAbsent(cluster, path)) continue;
    dashboards.emplace(path.substr(kDashboardDir.size()), FillIn(content, cluster.name));
  }
  return dashboards;
}

std::string ReplaceAll(const std::string& text, std::string_view from, std::string_view to) {
  std::string result;
  std::size_t begin = 0;
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, begin)) {
    result.append(text, begin, at - begin).append(to);
    begin = at + from.size();
  }
  return result.append(text, begin);
}

}  // namespace dmgr::render
