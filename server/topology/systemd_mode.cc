#include "server/topology/systemd_mode.h"

#include <fmt/format.h>

#include <utility>

#include "common/components/traits.h"
#include "server/topology/values.h"

namespace dmgr::topology {
namespace {

constexpr int kFirstFreePort = 1024;

}  // namespace

bool IsUserMode(const v1::GlobalOptions& global) { return global.systemd_mode() == "user"; }

void CheckSystemdMode(const v1::GlobalOptions& global, std::vector<Problem>* problems) {
  const std::string& mode = global.systemd_mode();
  if (!mode.empty() && mode != "system" && mode != "user") {
    problems->push_back(
        {"topology.global.systemd_mode", Quote(mode) + " is neither \"system\" nor \"user\""});
  }
  if (IsUserMode(global) && !global.group().empty()) {
    problems->push_back({"topology.global.group",
                         "cannot be chosen with systemd_mode \"user\": it is that of the login"});
  }
}

void CheckMachineMode(const Cluster& cluster, const MachineRef& machine, const std::string& field,
                      std::vector<Problem>* problems) {
  const std::string& login = machine.login_without_root;
  std::string text;
  if (login.empty() && cluster.user_mode) {
    text = fmt::format(
        "machine {} is registered with root: systemd_mode \"user\" is for machines without",
        machine.machine_id);
  } else if (!login.empty() && !cluster.user_mode) {
    text = fmt::format(
        "machine {} is registered without root: a cluster there needs systemd_mode \"user\" and "
        "the user {}",
        machine.machine_id, login);
  } else if (!login.empty() && login != cluster.user) {
    text = fmt::format("on machine {} dmgr is nobody but its login {}, and the user is to be {}",
                       machine.machine_id, login, cluster.user);
  }
  if (!text.empty()) problems->push_back({field, std::move(text)});
}

void CheckWithoutRoot(const Draft& draft, std::vector<Problem>* problems) {
  const Instance& instance = draft.instance;
  const auto report = [&](const std::string& field, std::string text) {
    problems->push_back({draft.Field(field), std::move(text)});
  };
  const components::Traits& traits = components::TraitsOf(instance.component);
  if (!traits.capabilities.empty()) {
    report(std::string(traits.service_port().field),
           fmt::format(
               "{} needs {}, which root alone gives: leave it out with systemd_mode "
               "\"user\"{}",
               traits.name, traits.capabilities,
               draft.monitored ? ", and list node_exporter_servers in place of monitored" : ""));
  }
  for (const components::Port& port : traits.ports) {
    if (instance.PortFor(port.use) >= kFirstFreePort || instance.PortFor(port.use) <= 0) continue;
    report(std::string(port.field), fmt::format("{} is below {}, which takes root",
                                                instance.PortFor(port.use), kFirstFreePort));
  }
  // A user's systemd takes these, and does not enforce them where its host does not let it.
  const v1::ResourceControl& control = instance.resource_control;
  for (const auto& [name, value] :
       {std::pair<const char*, const std::string&>{"memory_limit", control.memory_limit()},
        {"cpu_quota", control.cpu_quota()},
        {"io_read_bandwidth_max", control.io_read_bandwidth_max()},
        {"io_write_bandwidth_max", control.io_write_bandwidth_max()}}) {
    if (value.empty()) continue;
    report(fmt::format("placement.resource_control.{}", name),
           "takes root: leave it out with systemd_mode \"user\"");
  }
}

}  // namespace dmgr::topology
