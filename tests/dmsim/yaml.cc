#include "yaml.h"

#include <yaml-cpp/yaml.h>

#include <charconv>

namespace dmsim {
namespace {

using Json = nlohmann::json;

template <typename Number>
bool ReadNumber(const std::string& text, Json* value) {
  if (text.find_first_of("0123456789") == text.npos) return false;  // inf, nan
  Number number{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return false;
  *value = number;
  return true;
}

Json ScalarOf(const YAML::Node& node) {
  const std::string text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text == "true" || text == "false") return text == "true";
  if (text == "null" || text == "~") return nullptr;
  Json number;
  if (ReadNumber<std::int64_t>(text, &number) || ReadNumber<double>(text, &number)) return number;
  return text;
}

// Adds what is wrong to *errors.
Json Convert(const YAML::Node& node, const Shape& shape, std::string* errors) {
  static const Shape anything;
  if (node.IsSequence()) {
    Json list = Json::array();
    const Shape& element = shape.elements ? *shape.elements : anything;
    for (const YAML::Node& item : node) list.push_back(Convert(item, element, errors));
    return list;
  }
  if (!node.IsMap()) return node.IsScalar() ? ScalarOf(node) : Json();
  Json object = Json::object();
  for (const auto& item : node) {
    const std::string key = item.first.as<std::string>();
    const auto field = shape.fields.find(key);
    if (!shape.fields.empty() && field == shape.fields.end()) {
      errors->append("\n  line " + std::to_string(item.first.Mark().line + 1) + ": field " + key +
                     " not found in type " + shape.type);
      continue;
    }
    const Shape& inner = field != shape.fields.end() ? field->second
                         : shape.elements            ? *shape.elements
                                                     : anything;
    object[key] = Convert(item.second, inner, errors);
  }
  return object;
}

void Emit(const Json& value, YAML::Emitter* out) {
  switch (value.type()) {
    case Json::value_t::object:
      *out << YAML::BeginMap;
      for (const auto& [key, item] : value.items()) {
        *out << YAML::Key << key << YAML::Value;
        Emit(item, out);
      }
      *out << YAML::EndMap;
      break;
    case Json::value_t::array:
      *out << YAML::BeginSeq;
      for (const Json& item : value) Emit(item, out);
      *out << YAML::EndSeq;
      break;
    case Json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      Json other;
      const bool ambiguous = text.empty() || text == "true" || text == "false" || text == "null" ||
                             ReadNumber<double>(text, &other);
      if (ambiguous) *out << YAML::DoubleQuoted;
      *out << text;
      break;
    }
    default:
      *out << value.dump();
  }
}

}  // namespace

bool ParseYaml(const std::string& text, const Shape& shape, Json* value, std::string* error) {
  try {
    const YAML::Node node = YAML::Load(text);
    std::string errors;
    *value = Convert(node, shape, &errors);
    if (!errors.empty()) {
      *error = "yaml: unmarshal errors:" + errors;
      return false;
    }
    if (value->is_object()) return true;
    *error = "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str into " + shape.type;
  } catch (const YAML::Exception& exception) {
    *error = "yaml: line " + std::to_string(exception.mark.line + 1) + ": " + exception.msg;
  }
  return false;
}

std::string WriteYaml(const Json& value) {
  YAML::Emitter out;
  Emit(value, &out);
  return std::string(out.c_str()) + "\n";
}

}  // namespace dmsim
