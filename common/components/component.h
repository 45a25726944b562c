// The kinds of instance that a cluster is made of. Both programs know them.
#ifndef DMGR_COMMON_COMPONENTS_COMPONENT_H_
#define DMGR_COMMON_COMPONENTS_COMPONENT_H_

#include <optional>
#include <string_view>

namespace dmgr::components {

// In start order; stop order is the reverse.
enum class Component {
  kDmMaster,
  kDmWorker,
  kPrometheus,
  kAlertmanager,
  kGrafana,
  kNodeExporter,
  kBlackboxExporter
};
inline constexpr Component kComponents[] = {Component::kDmMaster,        Component::kDmWorker,
                                            Component::kPrometheus,      Component::kAlertmanager,
                                            Component::kGrafana,         Component::kNodeExporter,
                                            Component::kBlackboxExporter};

enum class PortUse {
  kService,  // What it serves; its unit's name has it.
  kPeer,     // etcd, of dm-master.
  kCluster,  // Gossip, of Alertmanager.
};

// "dm-master", "dm-worker", "prometheus", "alertmanager", "grafana", "node-exporter",
// "blackbox-exporter".
std::string_view Name(Component component);
// The component of this name; nullopt when there is none.
std::optional<Component> ParseComponent(std::string_view name);

}  // namespace dmgr::components

#endif  // DMGR_COMMON_COMPONENTS_COMPONENT_H_
