// What answers where monitoring should be: metrics, and a Prometheus's list of targets.
#include "common/components/component.h"
#include "server/members/last_reload.h"
#include "server/verify/targets.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

const topology::Cluster& SampleCluster() {
  static const auto* const kCluster = [] {
    auto* cluster = new topology::Cluster;
    cluster->name = "c1";
    int port = 8261;
    for (const auto component : components::kComponents) {
      topology::Instance instance;
      instance.name = std::string(components::Name(component)) + "-1";
      instance.component = component;
      instance.host = "10.0.1.11";
      instance.port = port++;
      instance.wanted_running = true;
      cluster->instances.push_back(instance);
    }
    return cluster;
  }();
  return *kCluster;
}

}  // namespace

void FuzzMonitoring(std::string_view input) {
  const std::string page = TakeUntil(&input, '\0');
  const std::string config(input);
  for (const auto component : components::kComponents) {
    (void)members::ReadLastReload(component, page);
  }
  const topology::Cluster& cluster = SampleCluster();
  const auto& prometheus = *cluster.Of(components::Component::kPrometheus).front();
  verify::Findings findings(cluster.name);
  verify::CompareTargets(cluster, prometheus, page, config, &findings);
  for (const auto& difference : findings.differences()) {
    for (const std::string* text : {&difference.text(), &difference.found(), &difference.path()}) {
      Must(text->size() < 4000, "a difference repeats all that was answered");
      Must(IsPlainText(*text), "a difference is no plain text");
    }
  }
  verify::HasItsTargets(cluster, page, config);
  verify::NextActionsOf(findings.differences());
}

}  // namespace dmgr::fuzz
