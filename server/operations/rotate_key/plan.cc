#include "server/operations/rotate_key/plan.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

// One step a machine.
std::vector<engine::Step> OnEachHost(const topology::Cluster& cluster, const std::string& what,
                                     const std::string& title, const char* runner,
                                     const pv1::RotateKeyParams& keys,
                                     const std::vector<std::string>& before) {
  std::vector<engine::Step> steps;
  for (const auto& machine : cluster.MachineIds()) {
    auto step = HostStep(machine, what, title, runner, before);
    step.payload_json = StepJson(keys);
    step.weight = 0.3;
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace

engine::Plan PlanRotateKey(const topology::Cluster& cluster, const pv1::RotateKeyParams& keys) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_ROTATE_KEY, cluster);
  pv1::RotateKeyParams shown = keys;
  shown.mutable_previous()->clear_sealed_private_key();
  shown.mutable_next()->clear_sealed_private_key();
  std::vector<engine::Step> adds;
  if (cluster.user_login) {
    adds = OnEachHost(cluster, "key/add", fmt::format("give {} the new key", cluster.user), kAddKey,
                      shown, {});
  }
  auto record = ControlStep("key", "record and write the new key", kRecordKey, Ids(adds));
  record.payload_json = StepJson(keys);
  auto drops = OnEachHost(cluster, "key/drop", fmt::format("take the old key off {}", cluster.user),
                          kDropKeys, shown, {record.id});
  for (auto& step : adds) plan.steps.push_back(std::move(step));
  plan.steps.push_back(std::move(record));
  for (auto& step : drops) {
    step.point_of_no_return = true;
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

}  // namespace dmgr::operations
