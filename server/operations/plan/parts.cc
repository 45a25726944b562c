#include "server/operations/plan/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/clusters/placement.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;

// The steps of one wave: one a machine, for its instances of the wave.
std::vector<engine::Step> WaveSteps(const topology::Cluster& cluster,
                                    const std::vector<const Instance*>& instances, const Wave& wave,
                                    const char* runner, const std::string& verb,
                                    const std::vector<std::string>& depends_on) {
  std::vector<const Instance*> members;
  std::copy_if(
      instances.begin(), instances.end(), std::back_inserter(members),
      [&](const Instance* i) { return components::TraitsOf(i->component).wave == wave.which; });
  std::vector<engine::Step> steps;
  for (const auto& machine : cluster.MachineIds()) {
    const pv1::InstancesParams params = NamesOn(machine, members);
    if (params.instances().empty()) continue;
    auto step = HostStep(machine, verb + "/" + wave.name,
                         fmt::format("{} {}", verb, fmt::join(params.instances(), ", ")), runner,
                         depends_on);
    step.payload_json = StepJson(params);
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace

std::vector<Wave> StartWaves() {
  return {{components::Wave::kDmMaster, "dm-master"},
          {components::Wave::kDmWorker, "dm-worker"},
          {components::Wave::kMonitoring, "monitoring", /*independent=*/true}};
}

std::vector<std::string> Ids(const std::vector<engine::Step>& steps) {
  std::vector<std::string> ids;
  for (const auto& step : steps) ids.push_back(step.id);
  return ids;
}

double TransferWeight(std::uint64_t bytes) { return 0.2 + static_cast<double>(bytes) / 50e6; }

engine::Step HostStep(const std::string& machine, const std::string& what, const std::string& title,
                      const char* runner, std::vector<std::string> depends_on) {
  engine::Step step;
  step.id = machine + "/" + what;
  step.title = title;
  step.host = machine;
  step.runner = runner;
  step.depends_on = std::move(depends_on);
  return step;
}

engine::Step ControlStep(const std::string& id, const std::string& title, const char* runner,
                         std::vector<std::string> depends_on) {
  engine::Step step;
  step.id = id;
  step.title = title;
  step.runner = runner;
  step.depends_on = std::move(depends_on);
  step.weight = 0.1;
  return step;
}

engine::Plan NewPlan(v1::OperationKind kind, const topology::Cluster& cluster) {
  engine::Plan plan;
  plan.kind = kind;
  plan.cluster_name = cluster.name;
  plan.cluster_uuid = cluster.uuid;
  return plan;
}

pv1::InstancesParams NamesOn(const std::string& machine,
                             const std::vector<const Instance*>& instances) {
  pv1::InstancesParams params;
  for (const auto* instance : instances) {
    if (instance->machine_id == machine) params.add_instances(instance->name);
  }
  return params;
}

std::vector<std::string> AddUnitSurveys(engine::Plan* plan, const topology::Cluster& cluster,
                                        const std::vector<const Instance*>& instances,
                                        std::vector<std::string> before) {
  std::vector<engine::Step> surveys;
  for (const auto& machine : cluster.MachineIds()) {
    const pv1::InstancesParams params = NamesOn(machine, instances);
    if (params.instances().empty()) continue;
    surveys.push_back(HostStep(machine, kUnitsStep, "record what runs", kSurveyUnits, before));
    surveys.back().payload_json = StepJson(params);
    surveys.back().weight = 0.1;
  }
  if (!surveys.empty()) before = Ids(surveys);
  for (auto& step : surveys) plan->steps.push_back(std::move(step));
  return before;
}

std::vector<std::string> AddInstallSteps(engine::Plan* plan, const topology::Cluster& cluster,
                                         const v1::Package& package, bool named,
                                         const std::vector<std::string>& before) {
  std::vector<std::string> installs;
  for (const auto& machine : cluster.MachineIds()) {
    pv1::InstancesParams here;
    if (named) here = NamesOn(machine, cluster.OnMachine(machine));
    auto prepare = HostStep(machine, "prepare", "make user and directories", kPrepare, before);
    prepare.weight = 0.3;
    if (named) prepare.payload_json = StepJson(here);
    std::vector<std::string> parts = {prepare.id};
    plan->steps.push_back(std::move(prepare));
    for (const auto& component : ComponentsOn(cluster, machine)) {
      auto send = HostStep(machine, "release/" + component,
                           fmt::format("send {} {}", component, cluster.version), kRelease, before);
      pv1::ReleaseParams params;
      params.set_component(component);
      *params.mutable_instances() = here.instances();
      send.payload_json = StepJson(params);
      if (const auto* release = clusters::ReleaseOn(package, cluster, machine, component)) {
        send.bytes_total = release->compressed_bytes();
      }
      send.weight = TransferWeight(send.bytes_total);
      parts.push_back(send.id);
      plan->steps.push_back(std::move(send));
    }
    auto install =
        HostStep(machine, "install", "place binaries, configuration and units", kInstall, parts);
    install.weight = 0.5;
    if (named) install.payload_json = StepJson(here);
    installs.push_back(install.id);
    plan->steps.push_back(std::move(install));
  }
  return installs;
}

std::vector<std::string> AddWaves(engine::Plan* plan, const topology::Cluster& cluster,
                                  const std::vector<const Instance*>& instances,
                                  const std::vector<Wave>& waves, const char* runner,
                                  const std::string& verb, std::vector<std::string> before) {
  const std::vector<std::string> first = before;
  const std::size_t begin = plan->steps.size();
  std::vector<std::string> last;
  for (const auto& wave : waves) {
    auto steps =
        WaveSteps(cluster, instances, wave, runner, verb, wave.independent ? first : before);
    if (steps.empty()) continue;
    const auto ids = Ids(steps);
    const std::size_t end = plan->steps.size();
    for (auto& step : steps) {
      for (std::size_t i = begin; wave.independent && i < end; ++i) {
        if (plan->steps[i].host == step.host) step.depends_on.push_back(plan->steps[i].id);
      }
      plan->steps.push_back(std::move(step));
    }
    if (wave.independent) {
      last.insert(last.end(), ids.begin(), ids.end());
    } else {
      before = ids;
    }
  }
  last.insert(last.end(), before.begin(), before.end());
  return last;
}

engine::Step RecordStep(const std::string& id, v1::ClusterState state, const std::string& title,
                        std::vector<std::string> depends_on) {
  auto step = ControlStep(id, title, kRecordState, std::move(depends_on));
  pv1::StateParams params;
  params.set_state(state);
  step.payload_json = StepJson(params);
  return step;
}

std::vector<std::string> AddEachMachine(engine::Plan* plan, const topology::Cluster& cluster,
                                        const std::vector<const Instance*>& instances,
                                        const EachStep& step, const char* runner,
                                        const std::vector<std::string>& before) {
  std::vector<std::string> ids;
  for (const auto& machine : cluster.MachineIds()) {
    const pv1::InstancesParams params = NamesOn(machine, instances);
    if (params.instances().empty()) continue;
    auto one = HostStep(machine, step.what,
                        fmt::format(fmt::runtime(step.title), fmt::join(params.instances(), ", ")),
                        runner, before);
    one.payload_json = StepJson(params);
    ids.push_back(one.id);
    plan->steps.push_back(std::move(one));
  }
  return ids.empty() ? before : ids;
}

std::vector<std::string> ComponentsOn(const topology::Cluster& cluster,
                                      const std::string& machine) {
  std::vector<std::string> names;
  for (Component component : topology::kComponents) {
    for (const auto* instance : cluster.OnMachine(machine)) {
      if (instance->component != component) continue;
      names.emplace_back(topology::Name(component));
      break;
    }
  }
  return names;
}

void AddFreePatches(engine::Plan* plan, std::vector<std::string> before) {
  auto free =
      ControlStep("free", "forget the patches that nobody uses", kFreePatches, std::move(before));
  free.point_of_no_return = true;
  plan->steps.push_back(std::move(free));
}

}  // namespace dmgr::operations
