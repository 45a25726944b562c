// Clusters whose units are those of their user's own systemd.
#include <fmt/format.h>

#include "tests/unit/topology/fixture.h"

namespace dmgr::topology {
namespace {

// m1 belongs to a login without root.
ExpandInput WithoutRoot(const std::string& global, const std::string& servers = kMaster) {
  ExpandInput input = Input(fmt::format("global {{ {} }} {}", global, servers));
  input.machines[0].login_without_root = "tidb";
  return input;
}

TEST_CASE("units of a user's own systemd", "[systemd_mode]") {
  const std::string user = R"(systemd_mode: "user")";
  const Cluster cluster = Good(WithoutRoot(user));
  CHECK(cluster.user_mode);
  // Who logs in is there already.
  CHECK(cluster.skip_create_user);
  CHECK(cluster.user == "tidb");
  CHECK(cluster.group.empty());
  CHECK_FALSE(Good(Input(GlobalWith(R"(systemd_mode: "system")"))).user_mode);

  const auto problem = [](const ExpandInput& input, const std::string& field,
                          const std::string& text) {
    std::vector<Problem> problems;
    Expand(input, &problems);
    CAPTURE(Texts(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == field);
    CHECK_THAT(problems[0].text, Catch::Contains(text));
  };
  const std::string host = "topology.master_servers[0].placement.host";
  problem(Input(GlobalWith(R"(systemd_mode: "users")")), "topology.global.systemd_mode", "users");
  problem(Input(GlobalWith(user)), host, "machine m1 is registered with root");
  problem(WithoutRoot(""), host, R"(needs systemd_mode "user" and the user tidb)");
  problem(WithoutRoot(user + R"( user: "dm")"), host, "nobody but its login tidb");
  problem(WithoutRoot(user + R"( group: "tidb")"), "topology.global.group", "that of the login");
  problem(WithoutRoot(user, MasterWith("port: 900")), "topology.master_servers[0].port",
          "below 1024");
  problem(WithoutRoot(user, PlacedWith(R"(resource_control { memory_limit: "2G" })")),
          "topology.master_servers[0].placement.resource_control.memory_limit", "takes root");
  problem(WithoutRoot(user, kMaster + "monitored { }"), "topology.monitored.blackbox_exporter_port",
          "CAP_NET_RAW");
}

TEST_CASE("a cluster's systemd_mode stays", "[systemd_mode]") {
  const Cluster cluster = Good(Input(kMaster));
  Cluster wanted = cluster;
  wanted.user_mode = true;
  std::vector<Problem> problems;
  CheckFixed(cluster, wanted, Input(kMaster).topology, &problems);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].field == "topology.global.systemd_mode");
}

}  // namespace
}  // namespace dmgr::topology
