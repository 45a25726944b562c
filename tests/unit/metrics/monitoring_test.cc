// The rules and the dashboard that come with dmgr ask for what dmgrd serves.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "server/metrics/families.h"

namespace dmgr::metrics {
namespace {

const std::string kFolder = DMGR_SOURCE_DIR "/deploy/monitoring/";

std::set<std::string> Served() {
  std::set<std::string> names;
  for (const auto& family : FamiliesOf({})) names.insert(family.name);
  return names;
}

// The names of metrics in an expression of PromQL.
std::set<std::string> NamesIn(const std::string& expression) {
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz_";
  std::set<std::string> names;
  for (std::size_t at = expression.find("dmgr_"); at != std::string::npos;
       at = expression.find("dmgr_", at)) {
    const std::size_t end = std::min(expression.find_first_not_of(kLetters, at), expression.size());
    names.insert(expression.substr(at, end - at));
    at = end;
  }
  return names;
}

void CheckAsked(const std::string& expression) {
  INFO(expression);
  const auto served = Served();
  const auto asked = NamesIn(expression);
  CHECK_FALSE(asked.empty());
  for (const auto& name : asked) CHECK(served.contains(name));
}

TEST_CASE("each rule asks for metrics that there are, and says what to do", "[metrics]") {
  const YAML::Node rules = YAML::LoadFile(kFolder + "dmgr_rules.yml");
  std::set<std::string> alerts;
  for (const auto& group : rules["groups"]) {
    for (const auto& rule : group["rules"]) {
      CHECK(alerts.insert(rule["alert"].as<std::string>()).second);
      CheckAsked(rule["expr"].as<std::string>());
      CHECK_FALSE(rule["labels"]["severity"].as<std::string>().empty());
      CHECK_FALSE(rule["annotations"]["summary"].as<std::string>().empty());
      CHECK_FALSE(rule["annotations"]["description"].as<std::string>().empty());
    }
  }
  CHECK(alerts.size() >= 8);
}

TEST_CASE("each panel of the dashboard asks for metrics that there are", "[metrics]") {
  std::ifstream file(kFolder + "dmgr_migrations.json");
  const auto dashboard = nlohmann::json::parse(file);
  std::set<int> ids;
  for (const auto& panel : dashboard["panels"]) {
    CHECK(ids.insert(panel["id"].get<int>()).second);
    for (const auto& target : panel["targets"]) CheckAsked(target["expr"].get<std::string>());
  }
  CHECK(ids.size() >= 9);
  for (const auto& variable : dashboard["templating"]["list"]) {
    if (variable["type"] == "query") CheckAsked(variable["query"].get<std::string>());
  }
}

TEST_CASE("promtool, where it is, finds nothing wrong with the rules", "[metrics]") {
  if (std::system("command -v promtool >/dev/null") != 0) return;
  CHECK(std::system(("promtool check rules " + kFolder + "dmgr_rules.yml >/dev/null").c_str()) ==
        0);
}

}  // namespace
}  // namespace dmgr::metrics
