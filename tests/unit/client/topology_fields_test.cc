// Where in a topology file a field of the server's API stands.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "client/topology/topology.h"

namespace dmgr::client {
namespace {

TEST_CASE("fields of the server are found in the file") {
  struct Row {
    const char* field;
    int line;
  };
  const std::string text = R"(global:
  user: tidb
  resource_control:
    cpu_quota: x
server_configs:
  master:
    log-level: info
    experimental.openapi: true
    log:
      level: debug
master_servers:
  - host: a
    port: 1
  - name: m2
    host: b
worker_servers:
- {host: c,
   numa_node: x}
)";
  const Row rows[] = {
      {"topology.global.user", 2},
      {"topology.global.resource_control.cpu_quota", 4},
      {"topology.global.deploy_dir", 1},
      {"topology.server_configs.master.experimental.openapi", 8},
      {"topology.server_configs.master.log-level", 7},
      {"topology.server_configs.master.log.level", 10},
      {"topology.server_configs.master.nosuch", 6},
      {"topology.master_servers", 11},
      {"topology.master_servers[0].placement.host", 12},
      {"topology.master_servers[0].port", 13},
      {"topology.master_servers[1]", 14},
      {"topology.master_servers[1].placement.host", 15},
      {"topology.master_servers[1].placement.deploy_dir", 14},
      {"topology.master_servers[2].port", 11},
      {"topology.worker_servers[0].placement.numa_node", 18},
      {"topology.worker_servers[x].port", 16},
      {"topology.worker_servers[99999999999999999999999].port", 16},
      {"topology.grafana_servers", 0},
      {"topology", 0},
      {"cluster_name", 0},
      {"", 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.field);
    CHECK(LineOf(text, row.field) == row.line);
  }
  CHECK(LineOf("a: [", "topology.a") == 0);
  CHECK(LineOf("", "topology.a") == 0);
  CHECK(KeyOf("topology.master_servers[1].placement.host") == "host");
  CHECK(KeyOf("topology.worker_servers[0].config.keepalive-ttl") == "config.keepalive-ttl");
  CHECK(KeyOf("topology.monitoring_servers[0].additional_args[2]") == "additional_args[2]");
  CHECK(KeyOf("topology.global.user") == "global.user");
}

TEST_CASE("many fields of a large file are found") {
  std::string text = "worker_servers:\n";
  for (int i = 0; i < 1000; ++i) text += fmt::format("  - host: h{}\n    port: 1\n", i);
  for (int i = 0; i < 1000; ++i) {
    CHECK(LineOf(text, fmt::format("topology.worker_servers[{}].port", i)) == 3 + 2 * i);
  }
}

}  // namespace
}  // namespace dmgr::client
