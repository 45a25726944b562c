#include "server/render/from_package.h"

#include <algorithm>

#include "common/components/traits.h"

namespace dmgr::render {
namespace {

constexpr std::string_view kConfDir = "conf/";
constexpr std::string_view kRulesSuffix = ".rules.yml";

}  // namespace

bool IsOfAbsent(const topology::Cluster& cluster, std::string_view path) {
  const auto has = [&](topology::Component component) {
    return !cluster.Of(component).empty() ||
           std::ranges::any_of(cluster.borrowed, [&](const topology::Instance& one) {
             return one.component == component;
           });
  };
  return std::ranges::any_of(topology::kComponents, [&](topology::Component component) {
    const components::Traits& traits = components::TraitsOf(component);
    return traits.optional &&
           std::ranges::find(traits.package_files, path) != traits.package_files.end() &&
           !has(component);
  });
}

std::map<std::string, std::string> RuleFiles(const RenderInput& input) {
  std::map<std::string, std::string> rules;
  if (input.instance->monitoring.rule_dir().empty() &&
      input.instance->monitoring.rule_files().empty()) {
    for (const auto& [path, content] : *input.package) {
      if (!path.starts_with(kConfDir) || !path.ends_with(kRulesSuffix)) continue;
      if (path[kConfDir.size()] == '.') continue;  // Hidden: what a system has put there.
      if (IsOfAbsent(*input.cluster, path)) continue;
      rules.emplace(path.substr(kConfDir.size()), content);
    }
  }
  for (const auto& file : input.instance->monitoring.rule_files()) {
    rules.emplace(file.name(), file.content());
  }
  return rules;
}

}  // namespace dmgr::render
