#include "server/operations/plan_parts.h"

#include <fmt/format.h>

#include "server/operations/layout.h"

namespace dmgr::operations {
namespace {

// Seconds to move so many bytes, for the weight of a step.
double TransferWeight(std::uint64_t bytes) { return 0.2 + static_cast<double>(bytes) / 50e6; }

// The releases that a machine needs, without repetition, in start order.
std::vector<std::string> ComponentsOn(const topology::Cluster& cluster,
                                      const std::string& machine) {
  std::vector<std::string> names;
  for (topology::Component component : topology::kComponents) {
    for (const auto* instance : cluster.OnMachine(machine)) {
      if (instance->component != component) continue;
      names.emplace_back(topology::Name(component));
      break;
    }
  }
  return names;
}

}  // namespace

std::vector<std::string> Ids(const std::vector<engine::Step>& steps) {
  std::vector<std::string> ids;
  for (const auto& step : steps) ids.push_back(step.id);
  return ids;
}

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

InstancesParams NamesOn(const std::string& machine,
                        const std::vector<const topology::Instance*>& instances) {
  InstancesParams params;
  for (const auto* instance : instances) {
    if (instance->machine_id == machine) params.instances.push_back(instance->name);
  }
  return params;
}

std::vector<std::string> AddInstallSteps(engine::Plan* plan, const topology::Cluster& cluster,
                                         const v1::Package& package, bool named,
                                         const std::vector<std::string>& before) {
  std::vector<std::string> installs;
  for (const auto& machine : cluster.MachineIds()) {
    InstancesParams here;
    if (named) here = NamesOn(machine, cluster.OnMachine(machine));
    auto prepare = HostStep(machine, "prepare", "make user and directories", kPrepare, before);
    prepare.weight = 0.3;
    if (named) prepare.payload_json = ToJson(here);
    std::vector<std::string> parts = {prepare.id};
    plan->steps.push_back(std::move(prepare));
    for (const auto& component : ComponentsOn(cluster, machine)) {
      auto send = HostStep(machine, "release/" + component,
                           fmt::format("send {} {}", component, cluster.version), kRelease, before);
      send.payload_json = ToJson(ReleaseParams{component, here.instances});
      if (const auto* release = FindComponent(package, component)) {
        send.bytes_total = release->compressed_bytes();
      }
      send.weight = TransferWeight(send.bytes_total);
      parts.push_back(send.id);
      plan->steps.push_back(std::move(send));
    }
    auto install =
        HostStep(machine, "install", "place binaries, configuration and units", kInstall, parts);
    install.weight = 0.5;
    if (named) install.payload_json = ToJson(here);
    installs.push_back(install.id);
    plan->steps.push_back(std::move(install));
  }
  return installs;
}

}  // namespace dmgr::operations
