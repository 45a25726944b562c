#include "server/operations/plan/growth.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;
using Names = std::vector<std::string>;

}  // namespace

Sides SidesOf(const ScaleIn& scale) {
  Sides sides;
  for (const auto* instance : scale.leaving) {
    const bool lost = scale.unreachable.contains(instance->machine_id);
    (lost ? sides.lost : sides.here).push_back(instance);
  }
  return sides;
}

Names NamesOf(const Instances& instances) {
  Names names;
  for (const auto* instance : instances) names.push_back(instance->name);
  return names;
}

Instances Joining(const topology::Cluster& cluster) {
  Instances added;
  for (const auto& instance : cluster.instances) {
    if (instance.membership == topology::Membership::kJoining) added.push_back(&instance);
  }
  return added;
}

Names ToRestart(const Instances& changed) {
  Names restart;
  for (const Component component : topology::kComponents) {
    const auto learns = components::TraitsOf(component).learns_at_start;
    const bool concerned = std::ranges::any_of(changed, [&](const Instance* instance) {
      return std::ranges::find(learns, instance->component) != learns.end();
    });
    if (concerned) restart.emplace_back(topology::Name(component));
  }
  return restart;
}

pv1::ScaleParams AboutThese(const Instances& instances) {
  pv1::ScaleParams params;
  const Names names = NamesOf(instances);
  params.mutable_all()->Assign(names.begin(), names.end());
  return params;
}

pv1::ScaleParams AboutLeaving(const ScaleIn& scale) {
  pv1::ScaleParams params = AboutThese(scale.leaving);
  params.set_force(scale.force);
  params.set_accepts_load_restart(scale.accepts_load_restart);
  return params;
}

std::string AboutSome(const Names& instances, pv1::ScaleParams params) {
  params.mutable_instances()->Assign(instances.begin(), instances.end());
  return StepJson(params);
}

void AddByMachine(engine::Plan* plan, const topology::Cluster& cluster, const Instances& instances,
                  const std::string& what, const std::string& verb, const char* runner,
                  const pv1::ScaleParams& common, const Names& before, Names* ids) {
  for (const auto& machine : cluster.MachineIds()) {
    pv1::ScaleParams params = common;
    *params.mutable_instances() = NamesOn(machine, instances).instances();
    if (params.instances().empty()) continue;
    auto step =
        HostStep(machine, what, fmt::format("{} {}", verb, fmt::join(params.instances(), ", ")),
                 runner, before);
    step.payload_json = StepJson(params);
    ids->push_back(step.id);
    plan->steps.push_back(std::move(step));
  }
}

Names AddNew(engine::Plan* plan, const topology::Cluster& cluster, const v1::Package& package,
             const Instances& added, const pv1::ScaleParams& params) {
  auto record = ControlStep("register", "record the instances as being added", kRegisterNew, {});
  pv1::ScaleParams recorded = params;
  for (const auto& one : cluster.borrowed) {
    if (one.membership == topology::Membership::kJoining) recorded.add_borrowed(one.name);
  }
  record.payload_json = StepJson(recorded);
  const Names registered = {record.id};
  plan->steps.push_back(std::move(record));
  Names surveys;
  AddByMachine(plan, cluster, added, "survey", "record what is there before", kSurveyNew, params,
               registered, &surveys);
  return AddInstallSteps(plan, topology::Only(cluster, NamesOf(added)), package, /*named=*/true,
                         surveys);
}

Names AddRemovals(engine::Plan* plan, const topology::Cluster& cluster, const ScaleIn& scale,
                  const pv1::ScaleParams& params, const Names& before) {
  const Sides sides = SidesOf(scale);
  const std::size_t first = plan->steps.size();
  Names removed;
  AddByMachine(plan, cluster, sides.here, "remove", "remove", kRemoveSome, params, before,
               &removed);
  if (!sides.lost.empty()) {
    auto forget = ControlStep(
        "forget", fmt::format("forget {}", fmt::join(NamesOf(sides.lost), ", ")), kForget, before);
    forget.payload_json = AboutSome(NamesOf(sides.lost), params);
    removed.push_back(forget.id);
    plan->steps.push_back(std::move(forget));
  }
  for (std::size_t i = first; i < plan->steps.size(); ++i) plan->steps[i].point_of_no_return = true;
  return removed;
}

Names AddRewrite(engine::Plan* plan, const topology::Cluster& cluster,
                 const std::set<std::string>& skipped, const pv1::ScaleParams& params,
                 const Names& before) {
  Names ids;
  for (const auto& machine : cluster.MachineIds()) {
    if (skipped.count(machine) != 0) continue;
    auto step = HostStep(machine, "rewrite", "rewrite what the instances know of each other",
                         kRewrite, before);
    step.payload_json = StepJson(params);
    step.weight = 0.3;
    ids.push_back(step.id);
    plan->steps.push_back(std::move(step));
  }
  auto cache = ControlStep("cache", "rewrite the files on the control machine", kCache, before);
  cache.payload_json = StepJson(params);
  ids.push_back(cache.id);
  plan->steps.push_back(std::move(cache));
  return ids;
}

}  // namespace dmgr::operations
