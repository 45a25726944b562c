// What the files of a host say of an instance that another tool has laid.
#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/operations/import/said.h"
#include "server/operations/import/sought.h"
#include "server/render/read_toml.h"
#include "tests/unit/clusters/samples.h"

namespace dmgr::operations {
namespace {

using topology::Component;

constexpr char kSaidUnit[] =
    "[Service]\nUser=root\nUser=tidb \n"
    "ExecStart=/bin/bash -c '/dm/deploy/dm-master-8261/scripts/run_dm-master.sh'\n";

constexpr char kSaidScript[] =
    "#!/bin/bash\ncd \"/dm/deploy/dm-master-8261\" || exit 1\n"
    "exec numactl --cpunodebind=1 --membind=1 bin/dm-master/dm-master \\\n"
    "    --name=\"m1\" \\\n    --log-file=\"/logs/dm-master-8261/dm-master.log\" \\\n"
    "    --data-dir=\"/data/dm-master-8261\" \\\n"
    "    --config=conf/dm-master.toml >> \"/logs/out.log\"\n";

TEST_CASE("a unit says who runs what") {
  CHECK(UserIn(kSaidUnit) == "tidb");
  CHECK(UserIn("[Service]\n") == "");
  CHECK(DeployDirIn(kSaidUnit, Component::kDmMaster) == "/dm/deploy/dm-master-8261");
  CHECK(DeployDirIn("ExecStart=/dm/w/scripts/run_dm-worker.sh\n", Component::kDmWorker) == "/dm/w");
  CHECK(DeployDirIn(kSaidUnit, Component::kDmWorker) == "");
  CHECK(DeployDirIn("ExecStart=w/scripts/run_dm-worker.sh\n", Component::kDmWorker) == "");
  CHECK(DeployDirIn("ExecStart=/usr/bin/dm-worker\n", Component::kDmWorker) == "");
}

TEST_CASE("a run script says its flags") {
  CHECK(FlagIn(kSaidScript, "name") == "m1");
  CHECK(FlagIn(kSaidScript, "data-dir") == "/data/dm-master-8261");
  CHECK(FlagIn(kSaidScript, "config") == "conf/dm-master.toml");
  CHECK(FlagIn(kSaidScript, "cpunodebind") == "1");
  CHECK(FlagIn(kSaidScript, "join") == "");
  CHECK(FlagIn("x --no--name=a --name=b", "name") == "b");
}

TEST_CASE("a configuration says what a topology may say") {
  const auto config = render::ReadToml(
      "# TiUP's\nlog-level = \"warn\"\nssl-ca = \"/x/ca.crt\"\nname = \"m1\"\n"
      "rpc-rate-limit = 10.5\n[experimental]\nopenapi = true\n",
      Component::kDmMaster);
  REQUIRE(config.ok());
  CHECK(config->fields().size() == 3);
  CHECK(config->fields().at("log-level").string_value() == "warn");
  CHECK(config->fields().at("rpc-rate-limit").number_value() == 10.5);
  CHECK(config->fields().at("experimental.openapi").bool_value());
  CHECK(Reason(render::ReadToml("a = ", Component::kDmMaster).status()) == "INVALID_ARGUMENT");
}

TEST_CASE("a member that its host has becomes a server of the topology") {
  Sought sought;
  sought.instance.component = Component::kDmMaster;
  sought.instance.name = "m1";
  sought.instance.host = "10.0.0.1";
  sought.instance.machine_id = "h1";
  sought.instance.port = 8261;
  sought.instance.peer_port = 8291;
  std::vector<std::string> problems;
  ReadUnit({{"/etc/systemd/system/dm-master-8261.service", kSaidUnit}}, &sought, &problems);
  ReadScript({{"/dm/deploy/dm-master-8261/scripts/run_dm-master.sh", kSaidScript}}, &sought,
             &problems);
  CHECK(problems.empty());
  CHECK(sought.user == "tidb");
  v1::Topology topology;
  AddSought(sought, &topology);
  REQUIRE(topology.master_servers_size() == 1);
  const auto& master = topology.master_servers(0);
  CHECK(master.name() == "m1");
  CHECK(master.peer_port() == 8291);
  CHECK(master.placement().data_dir() == "/data/dm-master-8261");
  CHECK(master.placement().log_dir() == "/logs/dm-master-8261");
  CHECK(master.placement().numa_node() == "1");

  ReadUnit({}, &sought, &problems);
  ReadScript({}, &sought, &problems);
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].find("dm-master m1") != std::string::npos);
}

}  // namespace
}  // namespace dmgr::operations
