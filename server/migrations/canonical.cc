// One text for all configurations of a task that mean the same.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "server/migrations/config.h"
#include "server/migrations/document.h"

namespace dmgr::migrations {
namespace {

using nlohmann::json;

// What parts of a task are called in its instances, and where they stand: DM gives them names of
// its own.
struct PartOfTask {
  std::string_view key;
  std::string_view section;
};
constexpr std::array kPartsOfTask = {PartOfTask{"route-rules", "routes"},
                                     PartOfTask{"filter-rules", "filters"},
                                     PartOfTask{"expression-filters", "expression-filter"},
                                     PartOfTask{"column-mapping-rules", "column-mappings"},
                                     PartOfTask{"block-allow-list", "block-allow-list"},
                                     PartOfTask{"black-white-list", "black-white-list"},
                                     PartOfTask{"mydumper-config-name", "mydumpers"},
                                     PartOfTask{"loader-config-name", "loaders"},
                                     PartOfTask{"syncer-config-name", "syncers"},
                                     PartOfTask{"validator-config-name", "validators"}};
// What a start says for once, and what a start of a validation changes.
constexpr std::array<std::string_view, 2> kPassing = {"remove-meta", "validator-config-name"};

// Without what is empty: DM writes defaults out.
json MeaningOf(const Node& node) {
  if (node.kind == Node::Kind::kScalar) return node.text.empty() ? json() : json(node.text);
  json value;
  for (const Node& child : node.children) {
    json inner = MeaningOf(child);
    if (inner.is_null()) continue;
    if (node.kind == Node::Kind::kMap) {
      value[child.key] = std::move(inner);
    } else {
      value.push_back(std::move(inner));
    }
  }
  return value;
}

json PartIn(const json& task, std::string_view section, const json& name) {
  const auto all = task.find(std::string(section));
  if (!name.is_string() || all == task.end() || !all->is_object()) return name;
  return all->value(name.get<std::string>(), name);
}

// The parts themselves in the place of their names, in whatever order they are.
void PutParts(const json& task, json* instance) {
  for (const auto& part : kPartsOfTask) {
    const auto named = instance->find(std::string(part.key));
    if (named == instance->end()) continue;
    if (!named->is_array()) {
      *named = PartIn(task, part.section, *named);
      continue;
    }
    for (json& one : *named) one = PartIn(task, part.section, one);
    std::sort(named->begin(), named->end());
  }
  for (const auto& key : kPassing) instance->erase(std::string(key));
}

}  // namespace

std::string CanonicalTask(const std::string& yaml) {
  Mistakes mistakes;
  const auto root = ReadDocument(yaml, &mistakes);
  if (!root.has_value()) return "";
  json task = MeaningOf(*root);
  if (!task.is_object()) return "";
  json instances = task.value("mysql-instances", json::array());
  if (!instances.is_array()) return "";
  for (json& instance : instances) {
    if (instance.is_object()) PutParts(task, &instance);
  }
  std::sort(instances.begin(), instances.end());
  for (const auto& part : kPartsOfTask) task.erase(std::string(part.section));
  for (const auto& key : kPassing) task.erase(std::string(key));
  task["mysql-instances"] = std::move(instances);
  return task.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace dmgr::migrations
