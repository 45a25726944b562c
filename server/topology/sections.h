// The sections of a topology: one repeated field of servers for each component.
#ifndef DMGR_SERVER_TOPOLOGY_SECTIONS_H_
#define DMGR_SERVER_TOPOLOGY_SECTIONS_H_

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "common/components/traits.h"
#include "server/topology/topology.h"

namespace dmgr::topology {

// For a component whose servers say nothing beyond what those of every component do.
struct Plain {};
// For one whose servers say more, all of which is in the fields of Instance.
struct NoOptions {};

// Options: the member of Instance that keeps what a server says of its own.
template <typename ServerMessage, typename OptionsMember>
struct Section {
  using Server = ServerMessage;
  using Servers = google::protobuf::RepeatedPtrField<Server>;
  static constexpr bool kIsPlain = std::is_same_v<OptionsMember, Plain>;
  static constexpr bool kHasOptions = !kIsPlain && !std::is_same_v<OptionsMember, NoOptions>;

  Component component;
  const Servers& (v1::Topology::*get)() const;
  Servers* (v1::Topology::*mutable_get)();
  OptionsMember options;

  const Servers& Of(const v1::Topology& topology) const { return (topology.*get)(); }
  Servers& Of(v1::Topology* topology) const { return *(topology->*mutable_get)(); }
};

using OptionsOfPrometheus = v1::MonitoringServer Instance::*;
using OptionsOfAlertmanager = v1::AlertmanagerServer Instance::*;
using OptionsOfGrafana = v1::GrafanaServer Instance::*;

// In the order of the components.
inline constexpr std::tuple kSections = {
    Section<v1::MasterServer, NoOptions>{Component::kDmMaster,
                                         &v1::Topology::master_servers,
                                         &v1::Topology::mutable_master_servers,
                                         {}},
    Section<v1::WorkerServer, Plain>{Component::kDmWorker,
                                     &v1::Topology::worker_servers,
                                     &v1::Topology::mutable_worker_servers,
                                     {}},
    Section<v1::MonitoringServer, OptionsOfPrometheus>{
        Component::kPrometheus, &v1::Topology::monitoring_servers,
        &v1::Topology::mutable_monitoring_servers, &Instance::monitoring},
    Section<v1::AlertmanagerServer, OptionsOfAlertmanager>{
        Component::kAlertmanager, &v1::Topology::alertmanager_servers,
        &v1::Topology::mutable_alertmanager_servers, &Instance::alertmanager},
    Section<v1::GrafanaServer, OptionsOfGrafana>{
        Component::kGrafana, &v1::Topology::grafana_servers, &v1::Topology::mutable_grafana_servers,
        &Instance::grafana},
    Section<v1::NodeExporterServer, Plain>{Component::kNodeExporter,
                                           &v1::Topology::node_exporter_servers,
                                           &v1::Topology::mutable_node_exporter_servers,
                                           {}},
    Section<v1::BlackboxExporterServer, Plain>{Component::kBlackboxExporter,
                                               &v1::Topology::blackbox_exporter_servers,
                                               &v1::Topology::mutable_blackbox_exporter_servers,
                                               {}},
};

// visit(section) for each.
template <typename Visit>
constexpr void ForEachSection(Visit visit) {
  std::apply([&](const auto&... section) { (visit(section), ...); }, kSections);
}

// Whether the sections are those of the components, in their order.
constexpr bool SectionsAreComplete() {
  std::size_t count = 0;
  bool ordered = true;
  ForEachSection([&](const auto& section) {
    ordered = ordered && count < std::size(components::kComponents) &&
              components::kComponents[count] == section.component;
    ++count;
  });
  return ordered && count == std::size(components::kComponents);
}
static_assert(SectionsAreComplete());

// A port of a server by the name of its field; 0 when the server leaves it out.
std::uint32_t PortIn(const google::protobuf::Message& server, std::string_view field);

void SetPortIn(std::string_view field, std::uint32_t port, google::protobuf::Message* server);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_SECTIONS_H_
