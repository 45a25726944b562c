#include "server/topology/monitored.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "server/topology/paths.h"
#include "server/topology/sections.h"

namespace dmgr::topology {
namespace {

using components::Traits;

const Traits* ExporterOf(Component component) {
  const Traits& traits = components::TraitsOf(component);
  return traits.monitored_port.empty() ? nullptr : &traits;
}

// A machine, and how the topology calls it.
struct Place {
  std::string machine_id;
  v1::Placement placement;
};

class Exporters {
 public:
  Exporters(const ExpandInput& input, const MachineIndex& machines)
      : input_(input), monitored_(input.topology.monitored()), machines_(machines) {}

  v1::Topology Add(Listed* listed) {
    v1::Topology topology = input_.topology;
    ForEachSection([&](const auto& section) {
      (*listed)[section.component] = section.Of(topology).size();
      const Traits* traits = ExporterOf(section.component);
      if (traits == nullptr || !input_.topology.has_monitored()) return;
      std::set<std::string> has;
      for (const auto& server : section.Of(topology)) has.insert(MachineOf(server.placement()));
      if (input_.existing != nullptr) AddMachines(*input_.existing, section.component, &has);
      const auto add = [&](const v1::Placement& placement, int port, const std::string& name = "") {
        auto& server = *section.Of(&topology).Add();
        server.set_name(name);
        *server.mutable_placement() = placement;
        SetPortIn(traits->service_port().field, static_cast<std::uint32_t>(port), &server);
      };
      if (input_.current != nullptr) {
        for (const Instance* instance : input_.current->Of(section.component)) {
          if (!has.insert(instance->machine_id).second) continue;
          // It may have had another address when it was named.
          add(PlacementOf(*instance), instance->port, instance->name);
        }
        return;
      }
      for (const Place& place : Places()) {
        if (has.insert(place.machine_id).second) add(PlacementAt(place, *traits), PortOf(*traits));
      }
    });
    return topology;
  }

 private:
  std::string MachineOf(const v1::Placement& placement) const {
    const std::string& address =
        placement.manage_host().empty() ? placement.host() : placement.manage_host();
    const std::uint32_t ssh_port =
        placement.ssh_port() != 0 ? placement.ssh_port() : input_.topology.global().ssh_port();
    std::string why;
    for (const std::string& one : {address, placement.host()}) {
      const MachineRef* machine = machines_.Find(one, static_cast<int>(ssh_port), &why);
      if (machine != nullptr) return machine->machine_id;
    }
    return {};  // Whoever is to run there says so.
  }

  static void AddMachines(const Cluster& cluster, Component component,
                          std::set<std::string>* machines) {
    for (const auto* instances : {&cluster.instances, &cluster.borrowed}) {
      for (const Instance& instance : *instances) {
        if (instance.component == component) machines->insert(instance.machine_id);
      }
    }
  }

  // The machines of all that is no exporter, in the order of the topology.
  std::vector<Place> Places() const {
    std::vector<Place> places;
    std::set<std::string> seen;
    std::set<std::string> ignored;
    const auto collect = [&](const v1::Topology& topology) {
      ForEachSection([&](const auto& section) {
        if (ExporterOf(section.component) != nullptr) return;
        for (const auto& server : section.Of(topology)) {
          const std::string machine = MachineOf(server.placement());
          if (server.placement().ignore_exporter()) ignored.insert(machine);
          if (!machine.empty() && seen.insert(machine).second) {
            places.push_back({machine, server.placement()});
          }
        }
      });
    };
    collect(input_.topology);
    if (input_.existing != nullptr && !input_.existing_topology.has_monitored()) {
      collect(input_.existing_topology);
    }
    std::erase_if(places, [&](const Place& one) { return ignored.contains(one.machine_id); });
    return places;
  }

  int PortOf(const Traits& traits) const {
    const std::uint32_t port = PortIn(monitored_, traits.monitored_port);
    return port == 0 ? traits.service_port().usual : static_cast<int>(port);
  }

  v1::Placement PlacementAt(const Place& place, const Traits& traits) const {
    v1::Placement placement;
    placement.set_host(place.placement.host());
    placement.set_ssh_port(place.placement.ssh_port());
    placement.set_manage_host(place.placement.manage_host());
    placement.set_arch(place.placement.arch());
    placement.set_os(place.placement.os());
    const std::string own = fmt::format("{}-{}", traits.name, PortOf(traits));
    const std::string base =
        !monitored_.deploy_dir().empty()
            ? TrimSlashes(monitored_.deploy_dir())
            : fmt::format("{}/monitor-{}", DeployDirOf(input_.topology.global()),
                          PortOf(components::TraitsOf(Component::kNodeExporter)));
    placement.set_deploy_dir(base + "/" + own);
    const auto below = [&](const std::string& dir) {
      return dir.starts_with('/') ? TrimSlashes(dir) + "/" + own : dir;
    };
    placement.set_data_dir(below(monitored_.data_dir()));
    placement.set_log_dir(below(monitored_.log_dir()));
    SetLimits(&placement);
    return placement;
  }

  // Where it is, with the limits that are asked for now.
  v1::Placement PlacementOf(const Instance& instance) const {
    v1::Placement placement;
    placement.set_host(instance.host);
    placement.set_manage_host(instance.manage_host);
    const auto machine =
        std::ranges::find(input_.machines, instance.machine_id, &MachineRef::machine_id);
    if (machine != input_.machines.end()) {
      placement.set_ssh_port(static_cast<std::uint32_t>(machine->ssh_port));
    }
    placement.set_deploy_dir(instance.deploy_dir);
    // A relative one is the directory itself; an absolute one ends as the default does.
    const auto leaf = [&](const std::string& dir) {
      return Contains(instance.deploy_dir, dir) && dir != instance.deploy_dir
                 ? dir.substr(instance.deploy_dir.size() + 1)
                 : dir;
    };
    placement.set_data_dir(leaf(instance.data_dir));
    placement.set_log_dir(leaf(instance.log_dir));
    SetLimits(&placement);
    return placement;
  }

  void SetLimits(v1::Placement* placement) const {
    placement->set_numa_node(monitored_.numa_node());
    *placement->mutable_resource_control() = monitored_.resource_control();
  }

  const ExpandInput& input_;
  const v1::Monitored& monitored_;
  const MachineIndex& machines_;
};

const Occupied* HolderOf(const std::vector<Occupied>& occupied, const Draft& draft) {
  const auto found = std::ranges::find_if(occupied, [&](const Occupied& one) {
    return one.identity == draft.identity && one.component == draft.instance.component &&
           std::ranges::find(one.ports, draft.instance.port) != one.ports.end();
  });
  return found == occupied.end() ? nullptr : &*found;
}

}  // namespace

std::string Draft::Field(std::string_view name) const {
  const components::Traits& traits = components::TraitsOf(instance.component);
  if (monitored && name == traits.service_port().field) name = traits.monitored_port;
  constexpr std::string_view kPlacement = "placement.";
  if (monitored && name.starts_with(kPlacement)) name.remove_prefix(kPlacement.size());
  return fmt::format("{}.{}", field, name);
}

v1::Topology WithExporters(const ExpandInput& input, const MachineIndex& machines, Listed* listed) {
  return Exporters(input, machines).Add(listed);
}

void BorrowExporters(const std::vector<Occupied>& occupied, std::vector<Draft>* drafts,
                     Cluster* cluster, std::vector<Problem>* problems) {
  std::erase_if(*drafts, [&](Draft& draft) {
    if (!draft.monitored) return false;
    const Occupied* holder = HolderOf(occupied, draft);
    if (holder == nullptr) return false;
    if (!holder->settled) {
      problems->push_back(
          {draft.Field("port"),
           fmt::format("port {} on host {} belongs to {} of cluster {}, which is coming or going: "
                       "try again when that operation has ended",
                       draft.instance.port, draft.instance.host, holder->instance,
                       holder->cluster)});
    } else if (holder->user != cluster->user || holder->group != cluster->group) {
      problems->push_back(
          {draft.Field("port"),
           fmt::format("port {} on host {} belongs to {} of cluster {}, which runs as {}:{}; "
                       "clusters of one user share it. Choose another port, or set "
                       "ignore_exporter for what runs on that host",
                       draft.instance.port, draft.instance.host, holder->instance, holder->cluster,
                       holder->user, holder->group)});
    } else {
      cluster->borrowed.push_back(std::move(draft.instance));
    }
    return true;
  });
}

void CheckMonitored(const v1::Topology& recorded, const v1::Topology& wanted,
                    std::vector<Problem>* problems) {
  if (wanted.has_monitored() && !recorded.has_monitored()) {
    problems->push_back({"topology.monitored",
                         "exporters are added by scaling the cluster out, with a file that has "
                         "monitored"});
  }
  if (!wanted.has_monitored() || !recorded.has_monitored()) return;
  const auto same = [&](const char* key, const auto& now, const auto& then) {
    if (now == then) return;
    problems->push_back({fmt::format("topology.monitored.{}", key),
                         "stays as long as the cluster lives: leave it as it was"});
  };
  const v1::Monitored& now = recorded.monitored();
  const v1::Monitored& then = wanted.monitored();
  same("node_exporter_port", now.node_exporter_port(), then.node_exporter_port());
  same("blackbox_exporter_port", now.blackbox_exporter_port(), then.blackbox_exporter_port());
  same("deploy_dir", now.deploy_dir(), then.deploy_dir());
  same("data_dir", now.data_dir(), then.data_dir());
  same("log_dir", now.log_dir(), then.log_dir());
}

bool IsExporter(Component component) { return ExporterOf(component) != nullptr; }

std::vector<const Instance*> OrphanExporters(const Cluster& cluster,
                                             const std::vector<const Instance*>& leaving) {
  std::set<std::string> served;
  for (const Instance& instance : cluster.instances) {
    const bool stays = std::ranges::find(leaving, &instance) == leaving.end();
    if (stays && !IsExporter(instance.component)) served.insert(instance.machine_id);
  }
  std::vector<const Instance*> orphans;
  for (const Instance& instance : cluster.instances) {
    const bool stays = std::ranges::find(leaving, &instance) == leaving.end();
    if (stays && IsExporter(instance.component) && !served.contains(instance.machine_id)) {
      orphans.push_back(&instance);
    }
  }
  return orphans;
}

}  // namespace dmgr::topology
