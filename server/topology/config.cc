#include "server/topology/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/components/traits.h"
#include "server/topology/config_keys.h"
#include "server/topology/values.h"

namespace dmgr::topology {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::size_t kMaxBytes = std::size_t{64} << 10;
constexpr int kMaxDepth = 8;
constexpr double kMaxInteger = 9007199254740992.0;  // Up to here a double is exact.

bool HasControlCharacter(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 32 || c == 127; });
}

// Why a value cannot stand in a configuration file; empty when it can.
std::string ValueProblem(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return HasControlCharacter(value.string_value()) ? "has a control character" : "";
    case Value::kNumberValue:
      return std::isfinite(value.number_value()) ? "" : "is not a number";
    case Value::kBoolValue:
      return "";
    case Value::kListValue:
      for (const Value& element : value.list_value().values()) {
        if (element.has_list_value() || element.has_struct_value()) return "is a nested list";
        std::string problem = ValueProblem(element);
        if (!problem.empty()) return problem;
      }
      return "";
    default:
      return "has no value";
  }
}

bool IsKey(const std::string& key) {
  constexpr std::string_view kChars =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-";
  return !key.empty() && key.size() <= 128 && key.find_first_not_of(kChars) == std::string::npos &&
         key.front() != '.' && key.back() != '.' && key.find("..") == std::string::npos;
}

class Flattener {
 public:
  Flattener(const std::string& root, std::vector<Problem>* problems)
      : root_(root), problems_(problems) {}

  void Add(const Struct& config, const std::string& prefix, int depth) {
    // Sorted, so that messages come in the same order each time.
    const std::map<std::string, Value> sorted(config.fields().begin(), config.fields().end());
    for (const auto& [name, value] : sorted) {
      if (!IsKey(name)) {
        Report(prefix, Quote(name) + " cannot be a key");
        continue;
      }
      const std::string key = prefix.empty() ? name : fmt::format("{}.{}", prefix, name);
      if (value.has_struct_value()) {
        if (depth >= kMaxDepth) {
          Report(key, fmt::format("is nested more than {} levels deep", kMaxDepth));
        } else {
          Add(value.struct_value(), key, depth + 1);
        }
        continue;
      }
      const std::string problem = ValueProblem(value);
      if (!problem.empty()) {
        Report(key, problem);
      } else if (!flat_.emplace(key, value).second) {
        Report(key, "is given twice, with dots and as a table");
      }
    }
  }

  FlatConfig Take() { return std::move(flat_); }

 private:
  void Report(const std::string& key, std::string text) {
    problems_->push_back({key.empty() ? root_ : root_ + "." + key, std::move(text)});
  }

  const std::string& root_;
  std::vector<Problem>* problems_;
  FlatConfig flat_;
};

bool IsInteger(const Value& value) {
  return value.has_number_value() && std::trunc(value.number_value()) == value.number_value() &&
         std::abs(value.number_value()) <= kMaxInteger;
}

bool HasType(KeyType type, const Value& value) {
  switch (type) {
    case KeyType::kString:
      return value.has_string_value();
    case KeyType::kInteger:
      return IsInteger(value);
    case KeyType::kNumber:
      return value.has_number_value();
    case KeyType::kBool:
      return value.has_bool_value();
    case KeyType::kStrings:
      return value.has_list_value();
  }
  return false;
}

std::string_view NameOf(KeyType type) {
  switch (type) {
    case KeyType::kString:
      return "a string";
    case KeyType::kInteger:
      return "a whole number";
    case KeyType::kNumber:
      return "a number";
    case KeyType::kBool:
      return "true or false";
    case KeyType::kStrings:
      return "a list of strings";
  }
  return "something else";
}

// Why a key of dm-master or dm-worker cannot be set; empty when it can.
std::string DmKeyProblem(Component component, std::string_view version_name, const std::string& key,
                         const Value& value) {
  // A name such as "nightly" means the newest.
  const auto version = DmVersion::Parse(version_name);
  const DmKey* known = FindDmKey(component, key);
  if (known == nullptr) {
    if (!version.has_value() || !IsDmVersionKnown(*version)) return "";
    return fmt::format("is not a key of {} {}, which would refuse to start; known are {}",
                       Name(component), version_name, SettableDmKeys(component, *version));
  }
  if (!known->refused.empty()) return fmt::format("must not be given: {}", known->refused);
  if (version.has_value() && !HasDmKey(*version, *known)) {
    return fmt::format("is a key of {} from {} on, and this is {}, which would refuse to start",
                       Name(component), known->since, version_name);
  }
  if (!HasType(known->type, value)) return fmt::format("must be {}", NameOf(known->type));
  return FormProblem(known->form, value);
}

std::string GrafanaKeyProblem(const std::string& key, const Value& value) {
  if (key.find('.') == std::string::npos) {
    return "must be \"section.key\", as grafana.ini has it";
  }
  const std::string_view refused = GrafanaKeyRefused(key);
  if (!refused.empty()) return fmt::format("must not be given: {}", refused);
  return value.has_list_value() ? "must be one value, not a list" : "";
}

std::string KeyProblem(components::ConfigKind kind, Component component, std::string_view version,
                       const std::string& key, const Value& value) {
  switch (kind) {
    case components::ConfigKind::kDmToml:
      return DmKeyProblem(component, version, key, value);
    case components::ConfigKind::kGrafana:
      return GrafanaKeyProblem(key, value);
    case components::ConfigKind::kPrometheus:
    case components::ConfigKind::kAlertmanager:
    case components::ConfigKind::kFlags:
      return "";  // Their servers have no config of keys.
  }
  return "";
}

}  // namespace

FlatConfig Flatten(const Struct& config, const std::string& prefix,
                   std::vector<Problem>* problems) {
  if (config.ByteSizeLong() > kMaxBytes) {
    problems->push_back({prefix, fmt::format("is larger than {} KiB", kMaxBytes / 1024)});
    return {};
  }
  Flattener flattener(prefix, problems);
  flattener.Add(config, "", 1);
  return flattener.Take();
}

void CheckConfig(Component component, std::string_view version, const FlatConfig& config,
                 const std::string& prefix, std::vector<Problem>* problems) {
  const components::ConfigKind kind = components::TraitsOf(component).config;
  for (const auto& [key, value] : config) {
    std::string problem = KeyProblem(kind, component, version, key, value);
    if (problem.empty()) continue;
    problems->push_back({fmt::format("{}.{}", prefix, key), std::move(problem)});
  }
}

Struct MergeConfigs(const FlatConfig& defaults, const FlatConfig& own) {
  Struct merged;
  for (const FlatConfig* config : {&defaults, &own}) {
    for (const auto& [key, value] : *config) (*merged.mutable_fields())[key] = value;
  }
  return merged;
}

}  // namespace dmgr::topology
