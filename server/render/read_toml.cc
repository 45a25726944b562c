#include "server/render/read_toml.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <string>

#include "common/error.h"
#include "common/toml_keys.h"
#include "server/topology/config_keys.h"

namespace dmgr::render {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

absl::Status NotRead(const std::string& why) {
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

absl::StatusOr<Struct> ReadToml(const std::string& text, topology::Component component) {
  if (const int line = LineOfLongTomlKey(text); line != 0) {
    return NotRead(fmt::format("a key of line {} has more than {} parts", line, kMaxTomlKeyParts));
  }
  Struct config;
  try {
    AddKeys(toml::parse(text), "", component, &config);
  } catch (const toml::parse_error& e) {
    return NotRead(fmt::format("line {}: {}", e.source().begin.line, e.description()));
  }
  return config;
}

}  // namespace dmgr::render
