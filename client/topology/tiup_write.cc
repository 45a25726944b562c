#include <fmt/format.h>

#include <set>
#include <string_view>

#include "client/topology/tiup.h"
#include "client/topology/topology.h"
#include "common/components/traits.h"

namespace dmgr::client {
namespace {

using components::Component;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Keys of dmgr's sections that TiUP, which takes no unknown key, does not have.
constexpr std::pair<std::string_view, std::string_view> kOwnKeys[] = {
    {"MonitoringServer", "name"},       {"MonitoringServer", "external_labels"},
    {"GrafanaServer", "name"},          {"GrafanaServer", "ldap_config_file"},
    {"GrafanaServer", "secret_config"}, {"AlertmanagerServer", "name"},
};

const FieldDescriptor* FieldOf(const Message& message, std::string_view name) {
  return message.GetDescriptor()->FindFieldByName(std::string(name));
}

v1::Component ToApi(Component component) {
  return static_cast<v1::Component>(static_cast<int>(component) + 1);
}
static_assert(static_cast<int>(Component::kBlackboxExporter) + 1 ==
              v1::COMPONENT_BLACKBOX_EXPORTER);

std::uint32_t PortOf(const v1::Instance& instance, components::PortUse use) {
  switch (use) {
    case components::PortUse::kPeer:
      return instance.peer_port();
    case components::PortUse::kCluster:
      return instance.cluster_port();
    case components::PortUse::kService:
      break;
  }
  return instance.port();
}

std::uint32_t PortIn(const Message& server, const components::Port& port) {
  const std::uint32_t given =
      server.GetReflection()->GetUInt32(server, FieldOf(server, port.field));
  return given != 0 ? given : static_cast<std::uint32_t>(port.usual);
}

class MetaWriter {
 public:
  explicit MetaWriter(const v1::Cluster& cluster)
      : cluster_(cluster), topology_(cluster.topology()) {}

  TiupText Write() {
    v1::GlobalOptions& global = *topology_.mutable_global();
    global.set_user(cluster_.user());
    if (!cluster_.group().empty() && cluster_.group() != cluster_.user()) {
      global.set_group(cluster_.group());
    }
    for (const Component component : components::kComponents) Fill(component);
    result_.text =
        fmt::format("user: {}\ndm_version: {}\ntopology:\n", cluster_.user(), cluster_.version());
    std::string_view rest = result_of_topology_ = TopologyText(topology_);
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      result_.text += fmt::format("  {}\n", rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return std::move(result_);
  }

 private:
  // The servers of a component, as the instances are.
  void Fill(Component component) {
    const components::Traits& traits = components::TraitsOf(component);
    const FieldDescriptor* section = FieldOf(topology_, traits.section);
    topology_.GetReflection()->ClearField(&topology_, section);
    for (const v1::Instance& instance : cluster_.instances()) {
      if (instance.component() != ToApi(component) || instance.joining()) continue;
      if (!traits.monitored_port.empty()) {
        LeaveOutExporter(instance);
        continue;
      }
      Message* server = topology_.GetReflection()->AddMessage(&topology_, section);
      if (const Message* asked = FindAsked(traits, instance); asked != nullptr) {
        server->CopyFrom(*asked);
      }
      Describe(traits, instance, server);
    }
  }

  void LeaveOutExporter(const v1::Instance& instance) {
    if (cluster_.topology().has_monitored()) return;
    result_.left_out.push_back(
        fmt::format("{}: TiUP has exporters on all hosts or on none", instance.name()));
  }

  // What the topology has asked for to get this instance; nullptr when it is not found there.
  const Message* FindAsked(const components::Traits& traits, const v1::Instance& instance) const {
    const v1::Topology& asked = cluster_.topology();
    const FieldDescriptor* section = FieldOf(asked, traits.section);
    const auto* reflection = asked.GetReflection();
    for (int i = 0; i < reflection->FieldSize(asked, section); ++i) {
      const Message& server = reflection->GetRepeatedMessage(asked, section, i);
      const std::string& host = PlacementIn(server).host();
      const bool here = host == instance.host() || host == instance.machine_id();
      if (here && PortIn(server, traits.service_port()) == instance.port()) return &server;
    }
    return nullptr;
  }

  static const v1::Placement& PlacementIn(const Message& server) {
    return static_cast<const v1::Placement&>(
        server.GetReflection()->GetMessage(server, FieldOf(server, "placement")));
  }

  void Describe(const components::Traits& traits, const v1::Instance& instance, Message* server) {
    const auto* reflection = server->GetReflection();
    auto& placement = static_cast<v1::Placement&>(
        *reflection->MutableMessage(server, FieldOf(*server, "placement")));
    placement.set_host(instance.host());
    placement.set_deploy_dir(instance.deploy_dir());
    for (const components::Port& port : traits.ports) {
      reflection->SetUInt32(server, FieldOf(*server, port.field), PortOf(instance, port.use));
    }
    if (traits.component == Component::kGrafana) {
      placement.clear_data_dir();
      placement.clear_log_dir();
      placement.clear_numa_node();
    } else {
      placement.set_data_dir(instance.data_dir());
      placement.set_log_dir(instance.log_dir());
    }
    if (traits.dm_role != components::DmRole::kNone) {
      // A dm-worker may have the name of a dm-master: then dmgr adds something to it.
      reflection->SetString(server, FieldOf(*server, "name"),
                            instance.name().substr(0, instance.name().find('@')));
    }
    LeaveOutOwnKeys(instance, server);
    if (!instance.patch_id().empty()) {
      result_.left_out.push_back(fmt::format(
          "{}: it runs a patch, which TiUP would take for its package's program", instance.name()));
    }
  }

  void LeaveOutOwnKeys(const v1::Instance& instance, Message* server) {
    for (const auto& [section, key] : kOwnKeys) {
      if (section != server->GetDescriptor()->name()) continue;
      const FieldDescriptor* field = FieldOf(*server, key);
      if (!server->GetReflection()->HasField(*server, field)) continue;
      server->GetReflection()->ClearField(server, field);
      if (key == "name") continue;
      result_.left_out.push_back(fmt::format("{}: TiUP has no {}", instance.name(), key));
    }
  }

  const v1::Cluster& cluster_;
  v1::Topology topology_;
  std::string result_of_topology_;
  TiupText result_;
};

}  // namespace

TiupText TiupMetaText(const v1::Cluster& cluster) { return MetaWriter(cluster).Write(); }

}  // namespace dmgr::client
