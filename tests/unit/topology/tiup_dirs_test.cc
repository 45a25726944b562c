// Directories as TiUP takes them.
#include "tests/unit/topology/fixture.h"

namespace dmgr::topology {
namespace {

TEST_CASE("directories of TiUP are the directories themselves") {
  ExpandInput input = Input(R"(
    global { deploy_dir: "/dm-deploy" data_dir: "/dm-data" log_dir: "/dm-log" }
    master_servers { placement { host: "10.0.0.1" data_dir: "/own" log_dir: "logs" } }
    worker_servers { placement { host: "10.0.0.1" } }
    monitoring_servers { placement { host: "10.0.0.1" } }
    grafana_servers { placement { host: "10.0.0.1" } })");
  input.as_tiup = true;
  const Cluster cluster = Good(input);
  const auto& master = *cluster.Of(Component::kDmMaster)[0];
  CHECK(master.data_dir == "/own");
  CHECK(master.log_dir == "/dm-deploy/dm-master-8261/logs");
  const auto& worker = *cluster.Of(Component::kDmWorker)[0];
  CHECK(worker.data_dir == "/dm-data/dm-worker-8262");
  // Shared by all that have none of their own.
  CHECK(worker.log_dir == "/dm-log");
  CHECK(cluster.Of(Component::kPrometheus)[0]->log_dir == "/dm-log");
  const auto& grafana = *cluster.Of(Component::kGrafana)[0];
  CHECK(grafana.data_dir == "/dm-deploy/grafana-3000/data");
  CHECK(grafana.log_dir == "/dm-deploy/grafana-3000/log");
}

TEST_CASE("programs lie where TiUP has them") {
  ExpandInput input = Input(R"(
    global { deploy_dir: "/dm-deploy" }
    master_servers { placement { host: "10.0.0.1" } }
    monitoring_servers { placement { host: "10.0.0.1" } }
    grafana_servers { placement { host: "10.0.0.1" } })");
  const Cluster own = Good(input);
  CHECK(own.Of(Component::kDmMaster)[0]->PathOf("bin/dm-master") ==
        "/dm-deploy/dm-master-8261/bin/dm-master");
  input.as_tiup = true;
  const Cluster cluster = Good(input);
  CHECK(cluster.Of(Component::kDmMaster)[0]->PathOf("bin/dm-master") ==
        "/dm-deploy/dm-master-8261/bin/dm-master/dm-master");
  CHECK(cluster.Of(Component::kPrometheus)[0]->PathOf("bin/promtool") ==
        "/dm-deploy/prometheus-9090/bin/prometheus/promtool");
  const auto& grafana = *cluster.Of(Component::kGrafana)[0];
  CHECK(grafana.PathOf("bin/grafana-server") == "/dm-deploy/grafana-3000/bin/grafana-server");
  CHECK(grafana.PathOf("homepath") == "/dm-deploy/grafana-3000/homepath");
}

}  // namespace
}  // namespace dmgr::topology
