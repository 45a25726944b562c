#include "toml.h"

#include <toml++/toml.h>

#include <sstream>

namespace dmsim {
namespace {

using Json = nlohmann::json;

toml::table TableOf(const Json& object);

// Hands what a JSON value is in TOML to `add`.
template <typename Add>
void Give(const Json& value, const Add& add);

toml::array ArrayOf(const Json& list) {
  toml::array array;
  for (const Json& item : list) {
    Give(item, [&](auto element) { array.push_back(std::move(element)); });
  }
  return array;
}

template <typename Add>
void Give(const Json& value, const Add& add) {
  if (value.is_object()) {
    add(TableOf(value));
  } else if (value.is_array()) {
    add(ArrayOf(value));
  } else if (value.is_boolean()) {
    add(value.get<bool>());
  } else if (value.is_number_float()) {
    add(value.get<double>());
  } else if (value.is_number()) {
    add(value.get<std::int64_t>());
  } else if (value.is_string()) {
    add(value.get<std::string>());
  }
}

toml::table TableOf(const Json& object) {
  toml::table table;
  for (const auto& [key, value] : object.items()) {
    Give(value, [&](auto item) { table.insert_or_assign(key, std::move(item)); });
  }
  return table;
}

Json JsonOf(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table) object[std::string(key.str())] = JsonOf(value);
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const auto& item : *array) list.push_back(JsonOf(item));
    return list;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* truth = node.as_boolean()) return truth->get();
  return nullptr;
}

}  // namespace

std::string WriteToml(const Json& value) {
  std::ostringstream out;
  out << TableOf(value) << "\n";
  return out.str();
}

Json ParseToml(const std::string& text) {
  try {
    return JsonOf(toml::parse(text));
  } catch (const toml::parse_error&) {
    return Json(Json::value_t::discarded);
  }
}

}  // namespace dmsim
