#include "server/render/grafana.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "common/error.h"

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
  if (value.has_number_value()) {
    const double number = value.number_value();
    return std::trunc(number) == number && std::abs(number) < 1e15 ? fmt::format("{:.0f}", number)
                                                                   : fmt::format("{}", number);
  }
  if (!value.has_string_value()) return std::nullopt;
  const std::string& text = value.string_value();
  const bool has_control =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (has_control) return std::nullopt;
  return text;
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

std::map<std::string, std::string> Dashboards(const PackageFiles& package,
                                              const std::string& cluster_name) {
  std::map<std::string, std::string> dashboards;
  for (const auto& [path, content] : package) {
    if (!path.starts_with(kDashboardDir) || !path.ends_with(".json")) continue;
    std::string text = content;
    for (const char* placeholder :
         {"${DS_TEST-CLUSTER}", "DS_TEST-CLUSTER", "test-cluster", "Test-Cluster"}) {
      text = ReplaceAll(text, placeholder, cluster_name);
    }
    dashboards.emplace(path.substr(kDashboardDir.size()), std::move(text));
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
