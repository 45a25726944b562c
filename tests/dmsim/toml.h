// JSON as TOML and back: the form in which dm-master keeps sources and subtasks.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace dmsim {

// Nulls are left out.
std::string WriteToml(const nlohmann::json& value);
// Discarded when the text is no TOML.
nlohmann::json ParseToml(const std::string& text);

}  // namespace dmsim
