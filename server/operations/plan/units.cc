#include "server/operations/plan/units.h"

namespace dmgr::operations {

std::string ToJson(const ReleaseParams& params) {
  nlohmann::json json{{"component", params.component}};
  if (!params.instances.empty()) json["instances"] = params.instances;
  return json.dump();
}

std::string ToJson(const InstancesParams& params) {
  return nlohmann::json{{"instances", params.instances}}.dump();
}

std::string ToJson(const StateParams& params) {
  return nlohmann::json{{"state", params.state}}.dump();
}

std::string ToJson(const UnitsSeen& seen) {
  return nlohmann::json{{"active", seen.active}, {"enabled", seen.enabled}}.dump();
}

absl::Status FromJson(const std::string& json, ReleaseParams* params) {
  return Parse(json, [&](const auto& j) {
    j.at("component").get_to(params->component);
    params->instances = j.value("instances", std::vector<std::string>());
  });
}

absl::Status FromJson(const std::string& json, InstancesParams* params) {
  return Parse(json, [&](const auto& j) { j.at("instances").get_to(params->instances); });
}

absl::Status FromJson(const std::string& json, StateParams* params) {
  return Parse(json, [&](const auto& j) { j.at("state").get_to(params->state); });
}

absl::Status FromJson(const std::string& json, UnitsSeen* seen) {
  return Parse(json, [&](const auto& j) {
    j.at("active").get_to(seen->active);
    // Not in records of before it was looked at.
    seen->enabled = j.value("enabled", seen->enabled);
  });
}

}  // namespace dmgr::operations
