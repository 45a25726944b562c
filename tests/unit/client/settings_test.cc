// Settings by their path.
#include "client/topology/settings.h"

#include <google/protobuf/util/message_differencer.h>

#include <catch2/catch.hpp>

#include "client/topology/topology.h"
#include "common/error.h"

namespace dmgr::client {
namespace {

constexpr char kTopology[] =
    "global:\n  user: tidb\n"
    "server_configs:\n  master:\n    log-level: info\n    security:\n      ssl-ca: /a\n"
    "master_servers:\n  - host: 10.0.0.1\n"
    "worker_servers:\n  - host: 10.0.0.1\n  - host: 10.0.0.2\n    port: 8262\n"
    "  - host: 10.0.0.2\n    port: 8263\n"
    "monitoring_servers:\n  - host: 10.0.0.1\n    enable_prom_agent_mode: true\n";

v1::Topology Topology() {
  auto topology = ParseTopology(kTopology, "test");
  REQUIRE(topology.ok());
  return *topology;
}

v1::Topology With(const std::string& setting) {
  v1::Topology topology = Topology();
  INFO(setting);
  const absl::Status applied = ApplySetting(setting, &topology);
  INFO(Message(applied));
  REQUIRE(applied.ok());
  return topology;
}

TEST_CASE("a setting changes one thing", "[settings]") {
  CHECK(With("global.deploy_dir=/dm").global().deploy_dir() == "/dm");
  CHECK(With("global.deploy_dir=/dm").global().user() == "tidb");
  const auto master = With("server_configs.master.security.ssl-key=/k").server_configs().master();
  CHECK(master.fields().at("log-level").string_value() == "info");
  CHECK(master.fields().at("security").struct_value().fields().size() == 2);
  const auto worker = With("server_configs.worker.keepalive-ttl=60").server_configs().worker();
  CHECK(worker.fields().at("keepalive-ttl").number_value() == 60);
}

TEST_CASE("an element is named by host, address or number", "[settings]") {
  CHECK(With("worker_servers[10.0.0.1].config.log-level=debug").worker_servers(0).has_config());
  CHECK(With("worker_servers[10.0.0.2:8263].config.a.b=1").worker_servers(2).has_config());
  CHECK(With("worker_servers[1].port=1").worker_servers(1).port() == 1);
}

TEST_CASE("a setting may be what is the default", "[settings]") {
  CHECK_FALSE(With("monitoring_servers[0].enable_prom_agent_mode=false")
                  .monitoring_servers(0)
                  .enable_prom_agent_mode());
  CHECK(With("worker_servers[1].log_dir=/l").worker_servers(1).placement().log_dir() == "/l");
}

TEST_CASE("what cannot be set is refused, and changes nothing", "[settings]") {
  const std::string setting = GENERATE(
      as<std::string>{}, "", "=", "global", "global.=1", "global.no_such=1",
      "worker_servers[9].x=1", "worker_servers[10.0.0.2].config.a=1",
      "worker_servers[10.0.0.7].port=1", "worker_servers[0.port=1", "global.ssh_port=many",
      "server_configs.worker=[1", ".=1", "master_servers[0].port=8261\nglobal: {user: root}");
  INFO(setting);
  v1::Topology topology = Topology();
  CHECK(absl::IsInvalidArgument(ApplySetting(setting, &topology)));
  CHECK(google::protobuf::util::MessageDifferencer::Equals(topology, Topology()));
}

TEST_CASE("a secret is not taken from the command line, nor said again", "[settings]") {
  for (const std::string path :
       {"server_configs.grafana.smtp.password",
        "grafana_servers[0].config.auth.google.client_secret", "grafana_servers[0].password"}) {
    v1::Topology topology = Topology();
    const absl::Status refused = ApplySetting(path + "=hunter2", &topology);
    CHECK(Reason(refused) == "BAD_SETTING");
    CHECK(Message(refused).find(path) != std::string_view::npos);
    CHECK(Message(refused).find("hunter2") == std::string_view::npos);
    CHECK(Metadata(refused, "remedy").find("--file") != std::string::npos);
  }
}

}  // namespace
}  // namespace dmgr::client
