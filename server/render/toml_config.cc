#include "server/render/toml_config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "common/error.h"
#include "common/version.h"

namespace dmgr::render {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using topology::Component;

// Keys of DM's configuration files and the first version that knows each (dm/master/config.go and
// dm/worker/config.go of pingcap/tiflow).
using Since = std::map<std::string_view, DmVersion>;
const DmVersion kAlways{2, 0, 0, ""};

const Since& CommonKeys() {
  static const Since kKeys = {
      {"name", kAlways},           {"log-level", kAlways},
      {"log-file", kAlways},       {"log-format", kAlways},
      {"log-rotate", kAlways},     {"advertise-addr", kAlways},
      {"config-file", kAlways},    {"join", kAlways},
      {"ssl-ca", kAlways},         {"ssl-cert", kAlways},
      {"ssl-key", kAlways},        {"cert-allowed-cn", kAlways},
      {"ssl-ca-base64", kAlways},  {"ssl-cert-base64", kAlways},
      {"ssl-key-base64", kAlways}, {"redact-info-log", {9, 0, 0, "alpha"}},
  };
  return kKeys;
}

const Since& ComponentKeys(Component component) {
  static const Since kMaster = {
      {"rpc-timeout", kAlways},
      {"rpc-rate-limit", kAlways},
      {"rpc-rate-burst", kAlways},
      {"master-addr", kAlways},
      {"data-dir", kAlways},
      {"peer-urls", kAlways},
      {"advertise-peer-urls", kAlways},
      {"initial-cluster", kAlways},
      {"initial-cluster-state", kAlways},
      {"max-txn-ops", kAlways},
      {"max-request-bytes", kAlways},
      {"auto-compaction-mode", kAlways},
      {"auto-compaction-retention", kAlways},
      {"quota-backend-bytes", kAlways},
      {"v1-sources-path", kAlways},
      {"experimental", {5, 3, 0, ""}},
      {"openapi", {5, 4, 0, ""}},
      {"secret-key-path", {8, 0, 0, ""}},
  };
  static const Since kWorker = {
      {"worker-addr", kAlways},
      {"keepalive-ttl", kAlways},
      {"relay-keepalive-ttl", {2, 0, 2, ""}},
      {"relay-dir", {5, 4, 0, ""}},
  };
  return component == Component::kDmMaster ? kMaster : kWorker;
}

// Beyond the versions whose keys are known nothing is refused.
constexpr int kNewestKnownMajor = 9;
// Written with a point even when whole: old readers of TOML want it for a float.
constexpr std::string_view kFloatKey = "rpc-rate-limit";

class Merger {
 public:
  explicit Merger(Error& error) : error_(error) {}

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
    const bool as_float = (old != nullptr && old->is_floating_point()) || key == kFloatKey;
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

  Error& error_;
  bool failed_ = false;
};

void CheckKeys(const toml::table& table, Component component, const std::string& version,
               Merger& merger) {
  const auto parsed = DmVersion::Parse(version);
  if (!parsed || parsed->major > kNewestKnownMajor) return;
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const Since& own = ComponentKeys(component);
    auto known = own.find(name);
    if (known == own.end()) {
      known = CommonKeys().find(name);
      if (known == CommonKeys().end()) {
        merger.Fail(name, fmt::format("{} does not know this key", topology::Name(component)));
        continue;
      }
    }
    if (*parsed < known->second) {
      merger.Fail(name, fmt::format("{} knows this key from v{}.{}.{} on, not in {}",
                                    topology::Name(component), known->second.major,
                                    known->second.minor, known->second.patch, version));
    }
  }
}

}  // namespace

std::string TomlProblem(const std::string& path, const std::string& text) {
  try {
    static_cast<void>(toml::parse(text, path));
    return {};
  } catch (const toml::parse_error& e) {
    return fmt::format("{} line {}: {}", path, e.source().begin.line, e.description());
  }
}

absl::StatusOr<std::string> MergeToml(const std::string& base_path, const std::string& base,
                                      const Struct& config, Component component,
                                      const std::string& version) {
  if (const std::string problem = TomlProblem(base_path, base); !problem.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "CONFIG_INVALID", "{}", problem);
  }
  toml::table table = toml::parse(base, base_path);
  Error error(absl::StatusCode::kInvalidArgument, "CONFIG_INVALID",
              "{} {} would not start with this configuration", topology::Name(component), version);
  Merger merger(error);
  merger.MergeStruct(table, config, "");
  CheckKeys(table, component, version, merger);
  if (merger.failed()) return error;

  std::ostringstream out;
  out << "# Written by dmgr from " << base_path
      << ", server_configs and the instance's config: changes made here are lost.\n"
      << toml::toml_formatter(table, toml::format_flags::indentation) << "\n";
  return out.str();
}

}  // namespace dmgr::render
