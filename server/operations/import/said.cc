#include "server/operations/import/said.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "common/error.h"
#include "common/toml_keys.h"
#include "server/topology/config_keys.h"

namespace dmgr::operations {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::string_view kUserKey = "User=";
constexpr std::string_view kEndsWord = "\"' \t\n\\";

absl::Status NoToml(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "it is no TOML: {}", why);
}

Value ValueOf(const toml::node& node) {
  Value value;
  if (const auto* array = node.as_array()) {
    value.mutable_list_value();
    for (const auto& one : *array) *value.mutable_list_value()->add_values() = ValueOf(one);
  } else if (const auto boolean = node.value_exact<bool>()) {
    value.set_bool_value(*boolean);
  } else if (const auto text = node.value_exact<std::string>()) {
    value.set_string_value(*text);
  } else if (const auto number = node.value<double>()) {
    value.set_number_value(*number);
  }
  return value;
}

// By full dotted paths, as a topology may have them.
void AddKeys(const toml::table& table, const std::string& prefix, topology::Component component,
             Struct* config) {
  for (const auto& [key, node] : table) {
    const std::string path = prefix + std::string(key.str());
    if (const auto* inner = node.as_table()) {
      AddKeys(*inner, path + ".", component, config);
      continue;
    }
    const topology::DmKey* known = topology::FindDmKey(component, path);
    // What dmgr says itself: addresses, directories, certificates.
    if (known != nullptr && !known->refused.empty()) continue;
    (*config->mutable_fields())[path] = ValueOf(node);
  }
}

}  // namespace

std::string UserIn(const std::string& unit_file) {
  const std::vector<std::string> lines = absl::StrSplit(unit_file, '\n');
  // The last one counts for systemd.
  const auto last = std::find_if(lines.rbegin(), lines.rend(),
                                 [](const auto& line) { return line.starts_with(kUserKey); });
  if (last == lines.rend()) return "";
  return std::string(absl::StripTrailingAsciiWhitespace(last->substr(kUserKey.size())));
}

std::string DeployDirIn(const std::string& unit_file, topology::Component component) {
  const std::string script = fmt::format("/scripts/run_{}.sh", topology::Name(component));
  const std::vector<std::string> lines = absl::StrSplit(unit_file, '\n');
  for (const std::string& line : lines) {
    if (!line.starts_with("ExecStart=")) continue;
    const std::size_t end = line.find(script);
    if (end == std::string::npos) continue;
    const std::size_t before = line.find_last_of("\"' =\t", end);
    const std::string dir = line.substr(before + 1, end - before - 1);
    return dir.starts_with('/') ? dir : "";
  }
  return "";
}

std::string FlagIn(const std::string& script, const std::string& flag) {
  const std::string key = fmt::format("--{}=", flag);
  std::size_t at = script.find(key);
  // "--data-dir" is no end of a longer one.
  while (at != std::string::npos && at > 0 && kEndsWord.find(script[at - 1]) == std::string::npos) {
    at = script.find(key, at + 1);
  }
  if (at == std::string::npos) return "";
  at += key.size();
  if (at < script.size() && (script[at] == '"' || script[at] == '\'')) ++at;
  const std::size_t end = std::min(script.find_first_of(kEndsWord, at), script.size());
  return script.substr(at, end - at);
}

absl::StatusOr<Struct> ConfigIn(const std::string& text, topology::Component component) {
  if (const int line = LineOfLongTomlKey(text); line != 0) {
    return NoToml(fmt::format("a key of line {} has more than {} parts", line, kMaxTomlKeyParts));
  }
  Struct config;
  try {
    AddKeys(toml::parse(text), "", component, &config);
  } catch (const toml::parse_error& e) {
    return NoToml(fmt::format("line {}: {}", e.source().begin.line, e.description()));
  }
  return config;
}

}  // namespace dmgr::operations
