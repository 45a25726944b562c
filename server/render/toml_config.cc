#include "server/render/toml_config.h"

#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <cmath>
#include <map>
#include <sstream>

#include "common/error.h"
#include "common/toml_keys.h"
#include "server/topology/config_keys.h"

namespace dmgr::render {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using topology::Component;
using topology::DmKey;

// In the certificates of instances and of dmgrd.
constexpr std::string_view kOwnNames[] = {"dm-master", "dm-worker", "prometheus", "dmgr"};

class Merger {
 public:
  Merger(Component component, Error& error) : component_(component), error_(error) {}

  bool failed() const { return failed_; }

  void MergeStruct(toml::table& table, const Struct& values, const std::string& path) {
    // In order, so that the same input always gives the same messages.
    const std::map<std::string, Value> sorted(values.fields().begin(), values.fields().end());
    for (const auto& [key, value] : sorted) MergeKey(table, key, value, path + key);
  }

  void Fail(const std::string& key, const std::string& why) {
    failed_ = true;
    error_.Field("config." + key, why);
  }

 private:
  void MergeKey(toml::table& table, const std::string& key, const Value& value,
                const std::string& path) {
    const auto dot = key.find('.');
    const std::string first = key.substr(0, dot);
    if (first.empty()) return Fail(path, "a part of the key is empty");
    if (dot == std::string::npos && !value.has_struct_value()) {
      return SetValue(table, first, value, path);
    }
    toml::node* node = table.get(first);
    if (node == nullptr) node = &table.insert(first, toml::table{}).first->second;
    if (!node->is_table()) return Fail(path, fmt::format("{} has a value already", first));
    if (dot == std::string::npos) {
      MergeStruct(*node->as_table(), value.struct_value(), path + ".");
    } else {
      MergeKey(*node->as_table(), key.substr(dot + 1), value, path);
    }
  }

  void SetValue(toml::table& table, const std::string& key, const Value& value,
                const std::string& path) {
    const toml::node* old = table.get(key);
    if (old != nullptr && old->is_table()) return Fail(path, "is a table with keys of its own");
    // Old readers of TOML take no whole number for a float.
    const DmKey* known = topology::FindDmKey(component_, path);
    const bool as_float = known != nullptr ? known->type == topology::KeyType::kNumber
                                           : old != nullptr && old->is_floating_point();
    switch (value.kind_case()) {
      case Value::kStringValue:
        table.insert_or_assign(key, value.string_value());
        break;
      case Value::kBoolValue:
        table.insert_or_assign(key, value.bool_value());
        break;
      case Value::kNumberValue:
        if (!as_float && IsWhole(value.number_value())) {
          table.insert_or_assign(key, static_cast<std::int64_t>(value.number_value()));
        } else {
          table.insert_or_assign(key, value.number_value());
        }
        break;
      case Value::kListValue:
        table.insert_or_assign(key, ToArray(value, path));
        break;
      default:
        Fail(path, "has no value");
    }
  }

  toml::array ToArray(const Value& value, const std::string& path) {
    toml::array array;
    for (const Value& item : value.list_value().values()) {
      if (item.has_string_value()) {
        array.push_back(item.string_value());
      } else if (item.has_bool_value()) {
        array.push_back(item.bool_value());
      } else if (item.has_number_value() && IsWhole(item.number_value())) {
        array.push_back(static_cast<std::int64_t>(item.number_value()));
      } else if (item.has_number_value()) {
        array.push_back(item.number_value());
      } else {
        Fail(path, "a list here has only strings, numbers and booleans");
      }
    }
    return array;
  }

  static bool IsWhole(double number) {
    constexpr double kLargestExact = 9007199254740992.0;
    return std::trunc(number) == number && std::abs(number) <= kLargestExact;
  }

  const Component component_;
  Error& error_;
  bool failed_ = false;
};

// Takes out what the run script says by flags, and refuses what this version does not know.
void CheckKeys(toml::table& table, const std::string& prefix, Component component,
               const std::string& version, Merger& merger) {
  const auto parsed = DmVersion::Parse(version);
  const bool complete = parsed && topology::IsDmVersionKnown(*parsed);
  std::vector<std::string> dropped;
  for (auto&& [key, node] : table) {
    const std::string name(key.str());
    const DmKey* known = topology::FindDmKey(component, prefix + name);
    if (known != nullptr && !known->refused.empty()) {
      dropped.push_back(name);
    } else if (known == nullptr && node.is_table()) {
      CheckKeys(*node.as_table(), prefix + name + ".", component, version, merger);
    } else if (known == nullptr && complete) {
      merger.Fail(prefix + name, fmt::format("{} has no such key", topology::Name(component)));
    } else if (known != nullptr && parsed && !topology::HasDmKey(*parsed, *known)) {
      merger.Fail(prefix + name, fmt::format("{} has this key from {} on, not in {}",
                                             topology::Name(component), known->since, version));
    }
  }
  for (const auto& key : dropped) table.erase(key);
}

// Whoever lists the names that may connect need not know those of dmgr.
void AllowOwnNames(toml::table& table) {
  toml::array* names = table[topology::kAllowedNames].as_array();
  if (names == nullptr || names->empty()) return;
  for (const std::string_view own : kOwnNames) {
    bool there = false;
    for (const toml::node& name : *names) there = there || name.value_or(std::string()) == own;
    if (!there) names->push_back(std::string(own));
  }
}

}  // namespace

std::string TomlProblem(const std::string& path, const std::string& text) {
  if (const int line = LineOfLongTomlKey(text); line != 0) {
    return fmt::format("{} line {}: a key has more than {} parts", path, line, kMaxTomlKeyParts);
  }
  try {
    static_cast<void>(toml::parse(text, path));
    return {};
  } catch (const toml::parse_error& e) {
    return fmt::format("{} line {}: {}", path, e.source().begin.line, e.description());
  }
}

absl::StatusOr<std::string> MergeToml(const std::string& base_path, const std::string& base,
                                      const Struct& config, Component component,
                                      const std::string& version,
                                      const std::map<std::string, std::string>& tls) {
  if (const std::string problem = TomlProblem(base_path, base); !problem.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "TEMPLATE_UNUSABLE", "{}", problem);
  }
  toml::table table = toml::parse(base, base_path);
  Error error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID",
              "{} {} would not start with this configuration", topology::Name(component), version);
  Merger merger(component, error);
  merger.MergeStruct(table, config, "");
  CheckKeys(table, "", component, version, merger);
  if (merger.failed()) return error;
  for (const auto& [key, value] : tls) table.insert_or_assign(key, value);
  if (!tls.empty()) AllowOwnNames(table);

  std::ostringstream out;
  out << "# Written by dmgr from " << base_path
      << ", server_configs and the instance's config: changes made here are lost.\n"
      << toml::toml_formatter(table, toml::format_flags::indentation) << "\n";
  return out.str();
}

}  // namespace dmgr::render
