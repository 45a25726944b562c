#include <map>

#include "server/topology/topology.h"

namespace dmgr::topology {

v1::Topology OptionsOf(const Cluster& cluster) {
  v1::Topology options;
  for (const Instance& instance : cluster.instances) {
    if (instance.component == Component::kPrometheus) {
      v1::MonitoringServer* server = options.add_monitoring_servers();
      *server = instance.monitoring;
      server->set_name(instance.name);
    } else if (instance.component == Component::kAlertmanager) {
      v1::AlertmanagerServer* server = options.add_alertmanager_servers();
      *server = instance.alertmanager;
      server->set_name(instance.name);
    } else if (instance.component == Component::kGrafana) {
      v1::GrafanaServer* server = options.add_grafana_servers();
      *server = instance.grafana;
      server->set_name(instance.name);
    }
  }
  return options;
}

void SetOptions(const v1::Topology& options, Cluster* cluster) {
  std::map<std::string_view, Instance*> instances;
  for (Instance& instance : cluster->instances) instances[instance.name] = &instance;
  const auto put = [&](const auto& servers, auto member) {
    for (const auto& server : servers) {
      const auto found = instances.find(server.name());
      if (found == instances.end()) continue;
      auto& target = found->second->*member;
      target = server;
      target.clear_name();
    }
  };
  put(options.monitoring_servers(), &Instance::monitoring);
  put(options.alertmanager_servers(), &Instance::alertmanager);
  put(options.grafana_servers(), &Instance::grafana);
}

void RemoveWriteOnly(v1::Topology* topology) {
  for (auto& server : *topology->mutable_monitoring_servers()) {
    server.clear_rule_files();
    server.clear_remote_config();
    server.clear_additional_scrape_conf();
    server.clear_additional_args();
  }
  for (auto& server : *topology->mutable_alertmanager_servers()) {
    server.clear_config_file_content();
    server.clear_additional_args();
  }
  for (auto& server : *topology->mutable_grafana_servers()) {
    server.clear_password();
    server.clear_dashboards();
  }
}

}  // namespace dmgr::topology
