// YAML of sources and tasks as JSON, and back.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace dmsim {

// Which keys a mapping may have. Without fields it may have any.
struct Shape {
  std::string type;  // as DM's messages name it
  std::map<std::string, Shape> fields;
  // What the elements of a list or the values of a mapping with free keys look like.
  std::shared_ptr<const Shape> elements;
};

const Shape& SourceShape();
const Shape& TaskShape();

// False and *error in the words of the real parser: bad YAML, or keys that the shape does not have.
bool ParseYaml(const std::string& text, const Shape& shape, nlohmann::json* value,
               std::string* error);
std::string WriteYaml(const nlohmann::json& value);

}  // namespace dmsim
