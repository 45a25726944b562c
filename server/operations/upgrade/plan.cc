#include "server/operations/upgrade/plan.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "server/clusters/placement.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

// Part of the ids of turns.
constexpr char kVerb[] = "upgrade";

using PatchMap = google::protobuf::Map<std::string, std::string>;

pv1::UpgradeParams Between(const v1::Package& from, const v1::Package& to) {
  pv1::UpgradeParams params;
  params.set_from(from.version());
  params.set_to(to.version());
  return params;
}

// Adds what instances run in place of their package's program.
pv1::UpgradeParams WithPatches(pv1::UpgradeParams params,
                               const std::vector<const Instance*>& instances) {
  for (const auto* instance : instances) {
    if (!instance->patch.empty()) (*params.mutable_patches())[instance->name] = instance->patch;
  }
  return params;
}

// ", dropping patch dm-worker-fix (v7.5.1-fix)", or nothing.
std::string Dropping(const PatchMap& patches, const clusters::KeptPatches& kept) {
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
      auto params = Between(from, to);
      params.add_components(component);
      send.payload_json = StepJson(params);
      if (const auto* release = clusters::ReleaseOn(to, cluster, machine, component)) {
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
                                    const pv1::UpgradeParams& params,
                                    const clusters::KeptPatches& kept,
                                    const std::vector<std::string>& before) {
  std::vector<std::string> placed;
  for (const auto& machine : cluster.MachineIds()) {
    const auto own = WithPatches(params, cluster.OnMachine(machine));
    auto place = HostStep(machine, "upgrade",
                          "place binaries, configuration and units" + Dropping(own.patches(), kept),
                          kUpgradeStopped, before);
    place.payload_json = StepJson(own);
    placed.push_back(place.id);
    plan->steps.push_back(std::move(place));
  }
  return placed;
}

void AddDrops(engine::Plan* plan, const topology::Cluster& cluster, const v1::Package& from,
              const v1::Package& to, const std::vector<std::string>& before) {
  for (const auto& machine : cluster.MachineIds()) {
    auto params = WithPatches(Between(from, to), cluster.OnMachine(machine));
    for (auto& component : ChangedOn(cluster, machine, from, to)) {
      params.add_components(std::move(component));
    }
    if (params.components().empty() && params.patches().empty()) continue;
    auto drop =
        HostStep(machine, "drop", "remove what was of " + from.version(), kDropReleases, before);
    drop.payload_json = StepJson(params);
    drop.point_of_no_return = true;
    drop.weight = 0.2;
    plan->steps.push_back(std::move(drop));
  }
  auto drop = ControlStep("drop", "remove the tree of " + from.version(), kDropTree, before);
  drop.payload_json = StepJson(Between(from, to));
  drop.point_of_no_return = true;
  plan->steps.push_back(std::move(drop));
}

}  // namespace

std::vector<std::string> ChangedOn(const topology::Cluster& cluster, const std::string& machine,
                                   const v1::Package& from, const v1::Package& to) {
  std::vector<std::string> changed;
  for (const auto& component : ComponentsOn(cluster, machine)) {
    const auto* old_release = clusters::ReleaseOn(from, cluster, machine, component);
    const auto* new_release = clusters::ReleaseOn(to, cluster, machine, component);
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
                         std::uint32_t max_parallel, const UpgradeWithout& without) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_UPGRADE, cluster);
  auto params = Between(from, to);
  std::vector<const Instance*> instances;
  for (const auto& instance : cluster.instances) instances.push_back(&instance);
  auto before = AddUnitSurveys(&plan, cluster, instances, {});
  auto tree =
      ControlStep("tree", "unpack the package for the cluster", kUpgradeTree, std::move(before));
  tree.payload_json = StepJson(params);
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
    options.spares_no_majority = without.spares_no_majority;
    options.accepts_load_restart = without.accepts_load_restart;
    options.before_workers = [&](engine::Plan* turns) {
      return AddWorkerReleases(turns, cluster, from, to, unpacked);
    };
    options.describe = [&](const Instance& instance, const pv1::TurnParams& turn,
                           engine::Step* step) {
      pv1::UpgradeTurn own;
      *own.mutable_turn() = turn;
      *own.mutable_upgrade() = WithPatches(params, {&instance});
      step->payload_json = StepJson(own);
      step->title += Dropping(own.upgrade().patches(), kept);
    };
    before = AddTurns(&plan, instances, kUpgrade, kVerb, std::move(before), options);
  }
  params = WithPatches(std::move(params), without.instances);
  params.mutable_role_patches()->insert(kept.roles.begin(), kept.roles.end());
  auto record = ControlStep(
      "record", "record the cluster as " + to.version() + Dropping(params.role_patches(), kept),
      kRecordVersion, std::move(before));
  record.payload_json = StepJson(params);
  plan.steps.push_back(record);
  AddDrops(&plan, cluster, from, to, {record.id});
  return plan;
}

}  // namespace dmgr::operations
