#include <map>

#include "server/topology/sections.h"

namespace dmgr::topology {
namespace {

void ClearWriteOnly(v1::MonitoringServer* server) {
  server->clear_rule_files();
  server->clear_remote_config();
  server->clear_additional_scrape_conf();
  server->clear_additional_args();
}

void ClearWriteOnly(v1::AlertmanagerServer* server) {
  server->clear_config_file_content();
  server->clear_additional_args();
}

void ClearWriteOnly(v1::GrafanaServer* server) {
  server->clear_password();
  server->clear_dashboards();
  server->clear_ldap_config_content();
  server->clear_secret_config();
}

// visit(section) for those whose servers have options of their own.
template <typename Visit>
void ForEachSectionWithOptions(Visit visit) {
  ForEachSection([&](const auto& section) {
    if constexpr (std::decay_t<decltype(section)>::kHasOptions) visit(section);
  });
}

}  // namespace

v1::Topology OptionsOf(const Cluster& cluster) {
  v1::Topology options;
  ForEachSectionWithOptions([&](const auto& section) {
    for (const Instance* instance : cluster.Of(section.component)) {
      auto* server = section.Of(&options).Add();
      *server = instance->*section.options;
      server->set_name(instance->name);
    }
  });
  return options;
}

void SetOptions(const v1::Topology& options, Cluster* cluster) {
  std::map<std::string_view, Instance*> instances;
  for (Instance& instance : cluster->instances) instances[instance.name] = &instance;
  ForEachSectionWithOptions([&](const auto& section) {
    for (const auto& server : section.Of(options)) {
      const auto found = instances.find(server.name());
      if (found == instances.end()) continue;
      auto& target = found->second->*section.options;
      target = server;
      target.clear_name();
    }
  });
}

void RemoveWriteOnly(v1::Topology* topology) {
  ForEachSectionWithOptions([&](const auto& section) {
    for (auto& server : section.Of(topology)) ClearWriteOnly(&server);
  });
}

}  // namespace dmgr::topology
