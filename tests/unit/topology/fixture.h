// What the tests of the topology room share.
#ifndef DMGR_TESTS_UNIT_TOPOLOGY_FIXTURE_H_
#define DMGR_TESTS_UNIT_TOPOLOGY_FIXTURE_H_

#include <fmt/format.h>
#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "server/topology/topology.h"

namespace dmgr::topology {

// Machines: m1..m3 at 10.0.0.1..3, arm at 10.0.0.4, two hosts behind 10.0.0.9, v6 at fd00::1, and
// "alias", which is m1 again.
inline ExpandInput Input(const std::string& topology) {
  ExpandInput input;
  input.cluster_name = "dm-test";
  input.version = "v7.5.2";
  input.cluster_path = "/var/lib/dmgrd";
  input.package_archs = {"amd64"};
  input.machines = {
      {"m1", "10.0.0.1", 22, "id-1", "amd64"}, {"m2", "10.0.0.2", 22, "id-2", "amd64"},
      {"m3", "10.0.0.3", 22, "id-3", ""},      {"arm", "10.0.0.4", 22, "id-4", "arm64"},
      {"nat-a", "10.0.0.9", 22, "id-9a", ""},  {"nat-b", "10.0.0.9", 2222, "id-9b", ""},
      {"v6", "fd00::1", 22, "id-v6", "amd64"}, {"alias", "dm-host-1", 22, "id-1", "amd64"},
      {"odd-port", "10.0.0.5", 2200, "", ""},
  };
  REQUIRE(google::protobuf::TextFormat::ParseFromString(topology, &input.topology));
  return input;
}

// What an instance of another cluster holds on a host.
inline Occupied Held(const std::string& cluster, const std::string& instance,
                     const std::string& identity, const std::vector<int>& ports,
                     const std::vector<std::string>& dirs) {
  Occupied held;
  held.cluster = cluster;
  held.instance = instance;
  held.identity = identity;
  held.ports = ports;
  held.dirs = dirs;
  return held;
}

inline std::vector<std::string> Texts(const std::vector<Problem>& problems) {
  std::vector<std::string> texts;
  for (const Problem& problem : problems) texts.push_back(problem.field + ": " + problem.text);
  return texts;
}

inline std::vector<std::string> ProblemsOf(const ExpandInput& input) {
  std::vector<Problem> problems;
  Expand(input, &problems);
  return Texts(problems);
}

inline Cluster Good(const ExpandInput& input) {
  std::vector<Problem> problems;
  Cluster cluster = Expand(input, &problems);
  CAPTURE(Texts(problems));
  REQUIRE(problems.empty());
  return cluster;
}

inline const std::string kMaster = R"(master_servers { placement { host: "10.0.0.1" } } )";

// A dm-master with more of its own, one with more of its placement, and one below such globals.
inline std::string MasterWith(const std::string& more) {
  return fmt::format(R"(master_servers {{ placement {{ host: "10.0.0.1" }} {} }})", more);
}
inline std::string PlacedWith(const std::string& more) {
  return fmt::format(R"(master_servers {{ placement {{ host: "10.0.0.1" {} }} }})", more);
}
inline std::string GlobalWith(const std::string& more) {
  return fmt::format("global {{ {} }} {}", more, kMaster);
}
inline const std::string kFull = R"(
  master_servers { placement { host: "10.0.0.1" } }
  master_servers { placement { host: "10.0.0.2" } }
  worker_servers { placement { host: "10.0.0.2" } }
  monitoring_servers { placement { host: "10.0.0.1" } }
  alertmanager_servers { placement { host: "10.0.0.1" } }
  grafana_servers { placement { host: "10.0.0.1" } } )";

}  // namespace dmgr::topology

#endif  // DMGR_TESTS_UNIT_TOPOLOGY_FIXTURE_H_
