// A cluster and a package.
#ifndef DMGR_TESTS_UNIT_CLUSTERS_SAMPLES_H_
#define DMGR_TESTS_UNIT_CLUSTERS_SAMPLES_H_

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "common/enum_words.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "tests/unit/topology/fixture.h"

namespace dmgr::clusters {

using topology::Cluster;
using topology::Component;
using topology::Instance;
using Names = std::vector<std::string>;

// Three masters and two workers on m1 to m3, monitoring on m1; m3 has a master only.
inline Cluster SampleCluster() {
  auto input = topology::Input(R"(
    global { deploy_dir: "/dm" data_dir: "/dm-data" }
    master_servers { placement { host: "10.0.0.1" } }
    master_servers { placement { host: "10.0.0.2" } }
    master_servers { placement { host: "10.0.0.3" } }
    worker_servers { placement { host: "10.0.0.1" } }
    worker_servers { placement { host: "10.0.0.2" } }
    monitoring_servers { placement { host: "10.0.0.1" } }
    alertmanager_servers { placement { host: "10.0.0.1" } }
    grafana_servers { placement { host: "10.0.0.1" } }
    node_exporter_servers { placement { host: "10.0.0.1" } }
    blackbox_exporter_servers { placement { host: "10.0.0.1" } } )");
  Cluster cluster = topology::Good(input);
  cluster.uuid = "11111111-2222-4333-8444-555555555555";
  return cluster;
}

inline v1::Package SamplePackage() {
  v1::Package package;
  package.set_version("v7.5.2");
  const std::map<std::string, Names> files = {
      {"dm-master", {"bin/dm-master"}},
      {"dm-worker", {"bin/dm-worker"}},
      {"prometheus", {"bin/prometheus", "bin/promtool"}},
      {"alertmanager", {"bin/alertmanager"}},
      {"node-exporter", {"bin/node_exporter"}},
      {"blackbox-exporter", {"bin/blackbox_exporter"}},
      {"grafana",
       {"bin/grafana-server", "bin/grafana-cli", "homepath/public/app.js", "homepath/conf/x.ini",
        "plugins/p/plugin.json", "VERSION"}}};
  for (const auto& [name, paths] : files) {
    auto* component = package.add_components();
    component->set_component(FromWord<v1::Component>(name));
    component->set_release_hash("hash-" + name);
    component->set_compressed_bytes(1000000 * name.size());
    for (const auto& path : paths) component->add_files()->set_path(path);
  }
  return package;
}

inline std::vector<const Instance*> All(const Cluster& cluster) {
  std::vector<const Instance*> all;
  for (const auto& instance : cluster.instances) all.push_back(&instance);
  return all;
}

}  // namespace dmgr::clusters

#endif  // DMGR_TESTS_UNIT_CLUSTERS_SAMPLES_H_
