#include "server/operations/patch/plan.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/enum_words.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/turns.h"
#include "server/operations/plan/units.h"

namespace dmgr::operations {
namespace {

using topology::Instance;

std::string Words(const PatchInput& input, const std::string& patch) {
  const auto found = input.words.find(patch);
  return found == input.words.end() ? "patch " + patch : found->second;
}

std::vector<std::string> AddReleases(engine::Plan* plan, const topology::Cluster& cluster,
                                     const PatchInput& input,
                                     const std::vector<std::string>& before) {
  if (input.patch.patch_id().empty()) return before;
  const auto& release = input.patch.release();
  std::vector<std::string> sent = before;
  for (const auto& machine : cluster.MachineIds()) {
    if (NamesOn(machine, input.instances).instances.empty()) continue;
    auto send = HostStep(machine, "release/" + ToWord(release.component()),
                         "send " + Words(input, input.patch.patch_id()), kPatchRelease, before);
    send.payload_json =
        ToJson(PatchReleaseParams{ToWord(release.component()), input.patch.patch_id()});
    send.bytes_total = release.compressed_bytes();
    send.weight = TransferWeight(send.bytes_total);
    sent.push_back(send.id);
    plan->steps.push_back(std::move(send));
  }
  return sent;
}

// Every turn also knows what it goes from and to.
void AddPatches(engine::Plan* plan, const PatchInput& input) {
  std::map<std::string, const Instance*> by_name;
  for (const auto* instance : input.instances) by_name[instance->name] = instance;
  const std::string& to = input.patch.patch_id();
  for (auto& step : plan->steps) {
    if (step.runner != kPatch) continue;
    auto json = nlohmann::json::parse(step.payload_json);
    const std::string& from = by_name.at(json.at("instance"))->patch;
    json["from"] = from;
    json["to"] = to;
    json["from_words"] = Words(input, from);
    json["to_words"] = Words(input, to);
    step.payload_json = json.dump();
    step.title += fmt::format(": {}", Words(input, to));
  }
}

// Of the record, since an instance of another step or cluster may still have it.
void AddDrops(engine::Plan* plan, const topology::Cluster& cluster, const PatchInput& input,
              const std::vector<std::string>& before) {
  std::set<std::string> replaced;
  for (const auto& [component, patch] : input.old_roles) replaced.insert(patch);
  std::vector<std::string> dropped = before;
  for (const auto& machine : cluster.MachineIds()) {
    std::set<std::string> patches;
    for (const auto* instance : input.instances) {
      if (instance->machine_id == machine && !instance->patch.empty()) {
        patches.insert(instance->patch);
      }
    }
    if (patches.empty()) continue;
    replaced.insert(patches.begin(), patches.end());
    auto drop = HostStep(machine, "drop", "remove the old patch", kDropPatches, before);
    drop.payload_json = ToJson(DropPatchParams{{patches.begin(), patches.end()}});
    drop.point_of_no_return = true;
    drop.weight = 0.2;
    dropped.push_back(drop.id);
    plan->steps.push_back(std::move(drop));
  }
  if (!replaced.empty()) AddFreePatches(plan, std::move(dropped));
}

}  // namespace

engine::Plan PlanPatch(const topology::Cluster& cluster, const PatchInput& input) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_PATCH, cluster);
  auto before = AddUnitSurveys(&plan, cluster, input.instances, {});
  before = AddReleases(&plan, cluster, input, before);
  if (!input.instances.empty()) {
    TurnOptions options;
    options.max_parallel = input.max_parallel;
    before =
        AddTurns(&plan, input.instances, kPatch,
                 input.patch.patch_id().empty() ? "revert" : "patch", std::move(before), options);
    AddPatches(&plan, input);
  }
  if (input.old_roles != input.new_roles) {
    auto record = ControlStep("record", "record what new instances get", kRecordRolePatches,
                              std::move(before));
    record.payload_json = ToJson(RolePatchParams{input.old_roles, input.new_roles});
    before = {record.id};
    plan.steps.push_back(std::move(record));
  }
  AddDrops(&plan, cluster, input, before);
  return plan;
}

std::string ToJson(const PatchReleaseParams& params) {
  return nlohmann::json{{"component", params.component}, {"patch", params.patch}}.dump();
}

std::string ToJson(const RolePatchParams& params) {
  return nlohmann::json{{"from", params.from}, {"to", params.to}}.dump();
}

std::string ToJson(const DropPatchParams& params) {
  return nlohmann::json{{"patches", params.patches}}.dump();
}

absl::Status FromJson(const std::string& json, PatchParams* params) {
  return Parse(json, [&](const auto& j) {
    j.at("from").get_to(params->from);
    j.at("to").get_to(params->to);
    j.at("from_words").get_to(params->from_words);
    j.at("to_words").get_to(params->to_words);
  });
}

absl::Status FromJson(const std::string& json, PatchReleaseParams* params) {
  return Parse(json, [&](const auto& j) {
    j.at("component").get_to(params->component);
    j.at("patch").get_to(params->patch);
  });
}

absl::Status FromJson(const std::string& json, RolePatchParams* params) {
  return Parse(json, [&](const auto& j) {
    j.at("from").get_to(params->from);
    j.at("to").get_to(params->to);
  });
}

absl::Status FromJson(const std::string& json, DropPatchParams* params) {
  return Parse(json, [&](const auto& j) { j.at("patches").get_to(params->patches); });
}

}  // namespace dmgr::operations
