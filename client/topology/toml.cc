#include <fmt/format.h>
#include <toml++/toml.h>

#include <sstream>

#include "client/topology/mistakes.h"
#include "client/topology/topology.h"
#include "common/error.h"
#include "common/toml_keys.h"

namespace dmgr::client {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

void Read(const toml::table& table, Struct* result);

void Read(const toml::node& node, Value* result) {
  if (const auto* table = node.as_table()) {
    Read(*table, result->mutable_struct_value());
  } else if (const auto* array = node.as_array()) {
    result->mutable_list_value();
    for (const auto& element : *array) Read(element, result->mutable_list_value()->add_values());
  } else if (const auto boolean = node.value_exact<bool>()) {
    result->set_bool_value(*boolean);
  } else if (const auto text = node.value_exact<std::string>()) {
    result->set_string_value(*text);
  } else if (const auto number = node.value<double>()) {
    result->set_number_value(*number);
  } else {
    // DM has no keys that are dates.
    std::ostringstream out;
    out << toml::node_view<const toml::node>(node);
    result->set_string_value(out.str());
  }
}

void Read(const toml::table& table, Struct* result) {
  for (const auto& [key, node] : table) {
    Read(node, &(*result->mutable_fields())[std::string(key.str())]);
  }
}

}  // namespace

absl::StatusOr<Struct> ParseToml(const std::string& text, const std::string& file_name) {
  if (const int line = LineThatIsNoText(text); line != 0) {
    return BadFile({{line, "the file is not UTF-8 text"}}, file_name);
  }
  if (const int line = LineOfLongTomlKey(text); line != 0) {
    return BadFile({{line, fmt::format("a key has more than {} parts", kMaxTomlKeyParts)}},
                   file_name);
  }
  try {
    Struct result;
    Read(toml::parse(text, std::string_view(file_name)), &result);
    return result;
  } catch (const toml::parse_error& e) {
    return BadFile({{static_cast<int>(e.source().begin.line), std::string(e.description())}},
                   file_name);
  }
}

}  // namespace dmgr::client
