// What is asked of a host for the monitoring and for NUMA.
#include <catch2/catch.hpp>

#include "server/clusters/conflicts.h"
#include "server/clusters/placement.h"
#include "tests/unit/topology/fixture.h"

namespace dmgr::clusters {
namespace {

using topology::Cluster;
using topology::Component;

v1::PackageComponent Release(const std::string& tool) {
  v1::PackageComponent release;
  release.set_release_hash("h");
  release.add_files()->set_path("bin/prometheus");
  if (!tool.empty()) release.add_files()->set_path(tool);
  return release;
}

TEST_CASE("programs of a release look at the monitoring's files", "[layout]") {
  Cluster cluster = topology::Good(topology::Input(topology::kFull));
  topology::Instance prometheus = *cluster.Of(Component::kPrometheus)[0];
  const auto checks = ChecksOf(cluster, prometheus, Release("bin/promtool"), "/s");
  REQUIRE(checks.size() == 1);
  CHECK(checks[0].store_dir() == "/s");
  CHECK(checks[0].hash() == "h");
  CHECK(checks[0].program() == "bin/promtool");
  CHECK(checks[0].arguments_size() == 2);
  CHECK(checks[0].path() == "/home/tidb/deploy/prometheus-9090/conf/prometheus.yml");
  CHECK(checks[0].user() == "tidb");
  prometheus.monitoring.set_enable_prom_agent_mode(true);
  CHECK(ChecksOf(cluster, prometheus, Release("bin/promtool"), "/s")[0].arguments(2) == "--agent");
  // Without the program there is nothing to ask.
  CHECK(ChecksOf(cluster, prometheus, Release(""), "/s").empty());
  const auto& alertmanager = *cluster.Of(Component::kAlertmanager)[0];
  CHECK(ChecksOf(cluster, alertmanager, Release("bin/amtool"), "/s")[0].arguments(0) ==
        "check-config");
  CHECK(ChecksOf(cluster, *cluster.Of(Component::kDmMaster)[0], Release(""), "/s").empty());
}

TEST_CASE("a numa_node needs numactl on the host", "[layout]") {
  Cluster cluster = topology::Good(topology::Input(
      "master_servers { placement { host: \"10.0.0.1\" numa_node: \"0\" } name: \"n\" }"));
  hv1::InspectReply seen;
  seen.set_user_exists(true);
  seen.set_user_made(true);
  const auto inspection = InspectionOf(cluster, "m1");
  for (const auto& path : inspection.paths()) {
    auto* state = seen.add_paths();
    state->set_path(path);
    state->set_type(hv1::PathState::TYPE_ABSENT);
  }
  CHECK(DeployConflicts(cluster, "m1", seen) ==
        std::vector<std::string>{"n has a numa_node, and numactl is not installed"});
  for (auto& state : *seen.mutable_paths()) {
    if (state.path() == "/usr/bin/numactl") state.set_type(hv1::PathState::TYPE_FILE);
  }
  CHECK(DeployConflicts(cluster, "m1", seen).empty());
}

}  // namespace
}  // namespace dmgr::clusters
