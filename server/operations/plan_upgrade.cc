#include "server/operations/plan_upgrade.h"

#include <fmt/format.h>

#include <utility>

#include "server/operations/layout.h"
#include "server/operations/plan_parts.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

// Sends what differs to all hosts; returns what the first restart waits for.
std::vector<std::string> AddReleases(engine::Plan* plan, const topology::Cluster& cluster,
                                     const v1::Package& from, const v1::Package& to,
                                     const std::vector<std::string>& before) {
  std::vector<std::string> sent = before;
  for (const auto& machine : cluster.MachineIds()) {
    for (const auto& component : ChangedOn(cluster, machine, from, to)) {
      auto send =
          HostStep(machine, "release/" + component,
                   fmt::format("send {} {}", component, to.version()), kUpgradeRelease, before);
      send.payload_json = Json({from.version(), to.version(), {component}}).dump();
      if (const auto* release = FindComponent(to, component)) {
        send.bytes_total = release->compressed_bytes();
      }
      send.weight = TransferWeight(send.bytes_total);
      sent.push_back(send.id);
      plan->steps.push_back(std::move(send));
    }
  }
  return sent;
}

std::vector<std::string> AddStopped(engine::Plan* plan, const topology::Cluster& cluster,
                                    const UpgradeParams& params,
                                    const std::vector<std::string>& before) {
  std::vector<std::string> placed;
  for (const auto& machine : cluster.MachineIds()) {
    auto place = HostStep(machine, "upgrade", "place binaries, configuration and units",
                          kUpgradeStopped, before);
    place.payload_json = Json(params).dump();
    placed.push_back(place.id);
    plan->steps.push_back(std::move(place));
  }
  return placed;
}

// Every turn also knows the versions.
void AddVersions(engine::Plan* plan, const UpgradeParams& params) {
  for (auto& step : plan->steps) {
    if (step.runner != kUpgrade) continue;
    auto json = nlohmann::json::parse(step.payload_json);
    json.update(Json(params));
    step.payload_json = json.dump();
  }
}

void AddDrops(engine::Plan* plan, const topology::Cluster& cluster, const v1::Package& from,
              const v1::Package& to, const std::vector<std::string>& before) {
  for (const auto& machine : cluster.MachineIds()) {
    const auto changed = ChangedOn(cluster, machine, from, to);
    if (changed.empty()) continue;
    auto drop =
        HostStep(machine, "drop", "remove what was of " + from.version(), kDropReleases, before);
    drop.payload_json = Json({from.version(), to.version(), changed}).dump();
    drop.point_of_no_return = true;
    drop.weight = 0.2;
    plan->steps.push_back(std::move(drop));
  }
  auto drop = ControlStep("drop", "remove the tree of " + from.version(), kDropTree, before);
  drop.payload_json = Json({from.version(), to.version(), {}}).dump();
  drop.point_of_no_return = true;
  plan->steps.push_back(std::move(drop));
}

}  // namespace

std::vector<std::string> ChangedOn(const topology::Cluster& cluster, const std::string& machine,
                                   const v1::Package& from, const v1::Package& to) {
  std::vector<std::string> changed;
  for (const auto& component : ComponentsOn(cluster, machine)) {
    const auto* old_release = FindComponent(from, component);
    const auto* new_release = FindComponent(to, component);
    if (old_release != nullptr && new_release != nullptr &&
        old_release->release_hash() == new_release->release_hash()) {
      continue;
    }
    changed.push_back(component);
  }
  return changed;
}

engine::Plan PlanUpgrade(const topology::Cluster& cluster, const v1::Package& from,
                         const v1::Package& to, bool offline) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_UPGRADE, cluster);
  const UpgradeParams params{from.version(), to.version(), {}};
  std::vector<const Instance*> instances;
  for (const auto& instance : cluster.instances) instances.push_back(&instance);
  auto before = AddUnitSurveys(&plan, cluster, instances, {});
  auto tree =
      ControlStep("tree", "unpack the package for the cluster", kUpgradeTree, std::move(before));
  tree.payload_json = Json(params).dump();
  before = {tree.id};
  plan.steps.push_back(std::move(tree));
  before = AddReleases(&plan, cluster, from, to, before);
  if (offline) {
    before = AddStopped(&plan, cluster, params, before);
  } else {
    before = AddTurns(&plan, instances, kUpgrade, "upgrade", std::move(before));
    AddVersions(&plan, params);
  }
  auto record = ControlStep("record", "record the cluster as " + to.version(), kRecordVersion,
                            std::move(before));
  record.payload_json = Json(params).dump();
  plan.steps.push_back(record);
  AddDrops(&plan, cluster, from, to, {record.id});
  return plan;
}

nlohmann::json Json(const UpgradeParams& params) {
  return {{"from", params.from}, {"to", params.to}, {"components", params.components}};
}

absl::Status FromJson(const std::string& json, UpgradeParams* params) {
  return Parse(json, [&](const auto& j) {
    j.at("from").get_to(params->from);
    j.at("to").get_to(params->to);
    j.at("components").get_to(params->components);
  });
}

}  // namespace dmgr::operations
