#include "client/topology/keys.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace dmgr::client {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr std::string_view kPlacement = "placement";

// Source: the topology reference of TiUP DM (docs.pingcap.com) and TiUP 1.16's spec of it.
constexpr UnsupportedKey kUnsupported[] = {
    {"Topology", "monitored", "", "node_exporter and blackbox_exporter are not deployed yet", true},
    {"Topology", "component_sources", "", "", false},
    {"GlobalOptions", "ssh_type", "builtin", "", false},
    {"GlobalOptions", "enable_tls", "", "", false},
    {"GlobalOptions", "systemd_mode", "system", "", false},
    {"GlobalOptions", "custom", "", "", false},
    {"GlobalOptions", "pd_mode", "", "", false},
    {"Placement", "patched", "", "", false},
    {"Placement", "ignore_exporter", "", "", false},
    {"MasterServer", "source", "dm-master", "", false},
    {"WorkerServer", "source", "dm-worker", "", false},
    {"MonitoringServer", "ng_port", "", "", false},
    {"MonitoringServer", "rule_dir", "", "", false},
    {"MonitoringServer", "external_alertmanagers", "", "", false},
    {"MonitoringServer", "pushgateway_addrs", "", "", false},
    {"MonitoringServer", "storage_retention", "", "use storage_retention_time", false},
    {"MonitoringServer", "storage_retention_size", "", "", false},
    {"MonitoringServer", "remote_config", "", "", false},
    {"MonitoringServer", "prom_remote_write_to_vm", "", "", false},
    {"MonitoringServer", "enable_prom_agent_mode", "", "", false},
    {"MonitoringServer", "additional_scrape_conf", "", "", false},
    {"MonitoringServer", "scrape_interval", "15s", "", false},
    {"MonitoringServer", "scrape_timeout", "", "", false},
    {"MonitoringServer", "additional_args", "", "", false},
    {"MonitoringServer", "ng_monitoring_config", "", "", false},
    {"GrafanaServer", "anonymous_enable", "",
     "set auth.anonymous.enabled in server_configs.grafana", false},
    {"GrafanaServer", "root_url", "", "set server.root_url in server_configs.grafana", false},
    {"GrafanaServer", "domain", "", "set server.domain in server_configs.grafana", false},
    {"GrafanaServer", "default_theme", "", "set users.default_theme in server_configs.grafana",
     false},
    {"GrafanaServer", "org_name", "", "set auth.anonymous.org_name in server_configs.grafana",
     false},
    {"GrafanaServer", "org_role", "", "set auth.anonymous.org_role in server_configs.grafana",
     false},
    {"GrafanaServer", "dashboard_dir", "", "", false},
    {"GrafanaServer", "config", "", "use server_configs.grafana", false},
    {"GrafanaServer", "use_vm_as_datasource", "", "", false},
    {"AlertmanagerServer", "config_file", "", "", false},
    {"AlertmanagerServer", "additional_args", "", "", false},
};

bool BelongsTo(const UnsupportedKey& key, const Descriptor& section) {
  return key.section == section.name() ||
         (key.section == "Placement" &&
          section.FindFieldByName(std::string(kPlacement)) != nullptr);
}

// How many letters must be changed, put in, left out or swapped with their neighbour to make one
// word of the other.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> older;
  std::vector<std::size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::vector<std::size_t> row = {i + 1};
    for (std::size_t j = 0; j < b.size(); ++j) {
      row.push_back(std::min({row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1)}));
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j]) {
        row[j + 1] = std::min(row[j + 1], older[j - 1] + 1);
      }
    }
    older = std::exchange(last, std::move(row));
  }
  return last[b.size()];
}

std::vector<std::string> KeysOf(const Descriptor& section) {
  std::vector<std::string> keys;
  for (int i = 0; i < section.field_count(); ++i) {
    const FieldDescriptor& field = *section.field(i);
    if (field.name() != kPlacement) {
      keys.push_back(field.name());
      continue;
    }
    for (const std::string& key : KeysOf(*field.message_type())) keys.push_back(key);
  }
  return keys;
}

}  // namespace

const UnsupportedKey* FindUnsupported(const Descriptor& section, std::string_view key) {
  for (const UnsupportedKey& candidate : kUnsupported) {
    if (candidate.key == key && BelongsTo(candidate, section)) return &candidate;
  }
  return nullptr;
}

const FieldDescriptor* FindField(const Descriptor& section, const std::string& key) {
  if (key == kPlacement) return nullptr;
  const FieldDescriptor* field = section.FindFieldByName(key);
  if (field != nullptr) return field;
  const FieldDescriptor* placement = section.FindFieldByName(std::string(kPlacement));
  return placement == nullptr ? nullptr : placement->message_type()->FindFieldByName(key);
}

std::string Nearest(const Descriptor& section, std::string_view key) {
  if (key.size() > 64) return "";
  std::string nearest;
  std::size_t best = std::max<std::size_t>(1, key.size() / 3) + 1;
  for (const std::string& candidate : KeysOf(section)) {
    const std::size_t distance = Distance(key, candidate);
    if (distance >= best) continue;
    best = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace dmgr::client
