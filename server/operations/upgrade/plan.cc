#include "server/operations/upgrade/plan.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "server/clusters/placement.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

// Of the ids of turns.
constexpr char kVerb[] = "upgrade";

// By name, what instances run in place of their package's program.
std::map<std::string, std::string> PatchesOf(const std::vector<const Instance*>& instances) {
  std::map<std::string, std::string> patches;
  for (const auto* instance : instances) {
    if (!instance->patch.empty()) patches[instance->name] = instance->patch;
  }
  return patches;
}

// ", dropping patch dm-worker-fix (v7.5.1-fix)", or nothing.
std::string Dropping(const std::map<std::string, std::string>& patches,
                     const clusters::KeptPatches& kept) {
  std::set<std::string> words;
  for (const auto& [of, patch] : patches) {
    const auto found = kept.words.find(patch);
    words.insert(found == kept.words.end() ? "patch " + patch : found->second);
  }
  return words.empty() ? "" : fmt::format(", dropping {}", fmt::join(words, ", "));
}

// What of the releases that differ is sent, by component.
using IsSent = bool (*)(const std::string& component);
bool IsAny(const std::string&) { return true; }
bool IsOfWorkers(const std::string& component) {
  return component == topology::Name(topology::Component::kDmWorker);
}
bool IsOfOthers(const std::string& component) { return !IsOfWorkers(component); }

// Sends what differs to all hosts. Returns the ids.
std::vector<std::string> AddReleases(engine::Plan* plan, const topology::Cluster& cluster,
                                     const v1::Package& from, const v1::Package& to, IsSent is_sent,
                                     const std::vector<std::string>& before) {
  std::vector<std::string> sent;
  for (const auto& machine : cluster.MachineIds()) {
    for (const auto& component : ChangedOn(cluster, machine, from, to)) {
      if (!is_sent(component)) continue;
      auto send =
          HostStep(machine, "release/" + component,
                   fmt::format("send {} {}", component, to.version()), kUpgradeRelease, before);
      send.payload_json = Json({from.version(), to.version(), {component}}).dump();
      if (const auto* release = clusters::FindComponent(to, component)) {
        send.bytes_total = release->compressed_bytes();
      }
      send.weight = TransferWeight(send.bytes_total);
      sent.push_back(send.id);
      plan->steps.push_back(std::move(send));
    }
  }
  return sent;
}

// What dm-workers run is sent while dm-masters have their turns: to a host that has one after its
// own, which would have to wait for it.
std::vector<std::string> AddWorkerReleases(engine::Plan* plan, const topology::Cluster& cluster,
                                           const v1::Package& from, const v1::Package& to,
                                           const std::vector<std::string>& before) {
  const std::size_t begin = plan->steps.size();
  auto sent = AddReleases(plan, cluster, from, to, IsOfWorkers, before);
  for (std::size_t i = begin; i < plan->steps.size(); ++i) {
    for (const auto* instance : cluster.OnMachine(plan->steps[i].host)) {
      if (instance->component != topology::Component::kDmMaster) continue;
      plan->steps[i].depends_on.push_back(TurnId(*instance, kVerb));
    }
  }
  return sent;
}

std::vector<std::string> AddStopped(engine::Plan* plan, const topology::Cluster& cluster,
                                    const UpgradeParams& params, const clusters::KeptPatches& kept,
                                    const std::vector<std::string>& before) {
  std::vector<std::string> placed;
  for (const auto& machine : cluster.MachineIds()) {
    UpgradeParams own = params;
    own.patches = PatchesOf(cluster.OnMachine(machine));
    auto place = HostStep(machine, "upgrade",
                          "place binaries, configuration and units" + Dropping(own.patches, kept),
                          kUpgradeStopped, before);
    place.payload_json = Json(own).dump();
    placed.push_back(place.id);
    plan->steps.push_back(std::move(place));
  }
  return placed;
}

// Every turn also knows the versions, and the patch that it drops.
void AddVersions(engine::Plan* plan, const std::vector<const Instance*>& instances,
                 const UpgradeParams& params, const clusters::KeptPatches& kept) {
  for (auto& step : plan->steps) {
    if (step.runner != kUpgrade) continue;
    auto json = nlohmann::json::parse(step.payload_json);
    const std::string name = json.at("instance");
    UpgradeParams own = params;
    for (const auto* instance : instances) {
      if (instance->name == name) own.patches = PatchesOf({instance});
    }
    json.update(Json(own));
    step.payload_json = json.dump();
    step.title += Dropping(own.patches, kept);
  }
}

void AddDrops(engine::Plan* plan, const topology::Cluster& cluster, const v1::Package& from,
              const v1::Package& to, const std::vector<std::string>& before) {
  for (const auto& machine : cluster.MachineIds()) {
    const auto changed = ChangedOn(cluster, machine, from, to);
    const auto patches = PatchesOf(cluster.OnMachine(machine));
    if (changed.empty() && patches.empty()) continue;
    auto drop =
        HostStep(machine, "drop", "remove what was of " + from.version(), kDropReleases, before);
    drop.payload_json = Json({from.version(), to.version(), changed, patches}).dump();
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
    const auto* old_release = clusters::FindComponent(from, component);
    const auto* new_release = clusters::FindComponent(to, component);
    if (old_release != nullptr && new_release != nullptr &&
        old_release->release_hash() == new_release->release_hash()) {
      continue;
    }
    changed.push_back(component);
  }
  return changed;
}

engine::Plan PlanUpgrade(const topology::Cluster& cluster, const v1::Package& from,
                         const v1::Package& to, bool offline, const clusters::KeptPatches& kept,
                         std::uint32_t max_parallel) {
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
  const std::vector<std::string> unpacked = before;
  const auto sent = AddReleases(&plan, cluster, from, to, offline ? IsAny : IsOfOthers, unpacked);
  before.insert(before.end(), sent.begin(), sent.end());
  if (offline) {
    before = AddStopped(&plan, cluster, params, kept, before);
  } else {
    TurnOptions options;
    options.order = DmOrder::kMastersFirst;
    options.max_parallel = max_parallel;
    options.before_workers = [&](engine::Plan* turns) {
      return AddWorkerReleases(turns, cluster, from, to, unpacked);
    };
    before = AddTurns(&plan, instances, kUpgrade, kVerb, std::move(before), options);
    AddVersions(&plan, instances, params, kept);
  }
  auto record =
      ControlStep("record", "record the cluster as " + to.version() + Dropping(kept.roles, kept),
                  kRecordVersion, std::move(before));
  record.payload_json = Json({from.version(), to.version(), {}, {}, kept.roles}).dump();
  plan.steps.push_back(record);
  AddDrops(&plan, cluster, from, to, {record.id});
  return plan;
}

nlohmann::json Json(const UpgradeParams& params) {
  return {{"from", params.from},
          {"to", params.to},
          {"components", params.components},
          {"patches", params.patches},
          {"role_patches", params.role_patches}};
}

absl::Status FromJson(const std::string& json, UpgradeParams* params) {
  return Parse(json, [&](const auto& j) {
    j.at("from").get_to(params->from);
    j.at("to").get_to(params->to);
    j.at("components").get_to(params->components);
    // Not in plans that were made before there were patches.
    params->patches = j.value("patches", params->patches);
    params->role_patches = j.value("role_patches", params->role_patches);
  });
}

}  // namespace dmgr::operations
