#include "server/store/cluster_store.h"

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/components/traits.h"
#include "server/store/cluster_config_store.h"
#include "tests/store/samples.h"

namespace dmgr::store {
namespace {

using test::Sql;

absl::Status Insert(Database& db, const ClusterRecord& record) {
  return db.Transact([&](Transaction& tx) { return InsertCluster(tx, record, {{"h1", "id-h1"}}); });
}

TEST_CASE("a cluster comes back as it was stored") {
  test::TestDatabase db;
  InsertBasics(*db);
  ClusterRecord record = SampleCluster("c1", 8261);
  topology::Instance grafana;
  grafana.name = "grafana";
  grafana.component = topology::Component::kGrafana;
  grafana.machine_id = "h1";
  grafana.host = grafana.manage_host = "h1.example";
  grafana.port = 3000;
  grafana.deploy_dir = "/dm/c1/grafana";
  grafana.grafana_user = "admin";
  grafana.numa_node = "0,1";
  record.cluster.instances.push_back(grafana);
  REQUIRE_OK(Insert(*db, record));

  const ClusterRecord stored = Get(*db, [](Transaction& tx) { return GetCluster(tx, "c1"); });
  CHECK(stored.cluster.uuid == record.cluster.uuid);
  CHECK(stored.cluster.version == "v7.5.1");
  CHECK(stored.cluster.user == "tidb");
  CHECK(stored.cluster.cluster_path == record.cluster.cluster_path);
  CHECK(stored.state == v1::CLUSTER_STATE_DEPLOYING);
  CHECK(stored.topology.global().user() == "tidb");
  CHECK(stored.public_key == record.public_key);
  CHECK(stored.sealed_private_key == record.sealed_private_key);
  CHECK(stored.sealed_grafana_password == record.sealed_grafana_password);
  CHECK(stored.sealed_options == record.sealed_options);
  CHECK(stored.active_operation_id.empty());
  CHECK(absl::AbsDuration(absl::Now() - stored.create_time) < absl::Minutes(1));
  REQUIRE(stored.cluster.instances.size() == 2);
  const topology::Instance& master = stored.cluster.instances[0];
  const topology::Instance& expected = record.cluster.instances[0];
  CHECK(master.name == expected.name);
  CHECK(master.component == topology::Component::kDmMaster);
  CHECK(master.host == expected.host);
  CHECK(master.machine_id == "h1");
  CHECK(master.port == 8261);
  CHECK(master.peer_port == 8291);
  CHECK(master.cluster_port == 0);
  CHECK(master.deploy_dir == expected.deploy_dir);
  CHECK(master.data_dir == expected.data_dir);
  CHECK(master.log_dir == expected.log_dir);
  CHECK(master.config.fields().at("log-level").string_value() == "debug");
  CHECK(master.config.fields().at("ratio").number_value() == 0.1);
  CHECK(master.resource_control.memory_limit() == "4G");
  CHECK(stored.cluster.instances[1].component == topology::Component::kGrafana);
  CHECK(stored.cluster.instances[1].grafana_user == "admin");
  CHECK(stored.cluster.instances[1].numa_node == "0,1");
  CHECK(stored.needs_reload.empty());
  CHECK(stored.description.empty());
  CHECK(stored.labels.empty());
  CHECK(Sql(db.dsn(), "SELECT cluster_status FROM cluster_meta") == "Deploying");
}

TEST_CASE("an instance of every component comes back with its ports") {
  test::TestDatabase db;
  InsertBasics(*db);
  ClusterRecord record = SampleCluster("c1", 8261);
  const topology::Instance sample = record.cluster.instances.front();
  record.cluster.instances.clear();
  for (const topology::Component component : topology::kComponents) {
    const components::Traits& traits = components::TraitsOf(component);
    topology::Instance& instance = record.cluster.instances.emplace_back(sample);
    instance.name = traits.name;
    instance.component = component;
    instance.peer_port = 0;
    for (const components::Port& port : traits.ports) instance.SetPort(port.use, port.usual);
    instance.deploy_dir = "/dm/c1/" + instance.name;
    instance.data_dir = instance.deploy_dir + "/data";
    instance.log_dir = instance.deploy_dir + "/log";
  }
  REQUIRE_OK(Insert(*db, record));

  const ClusterRecord stored = Get(*db, [](Transaction& tx) { return GetCluster(tx, "c1"); });
  REQUIRE(stored.cluster.instances.size() == record.cluster.instances.size());
  for (std::size_t i = 0; i < stored.cluster.instances.size(); ++i) {
    const topology::Instance& expected = record.cluster.instances[i];
    CAPTURE(expected.name);
    CHECK(stored.cluster.instances[i].component == expected.component);
    CHECK(stored.cluster.instances[i].Ports() == expected.Ports());
  }
}

TEST_CASE("an instance of a component that is not known is no instance of another one") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(Insert(*db, SampleCluster("c1", 8261)));
  Sql(db.dsn(), "UPDATE cluster_topology SET component = 'pump'");
  const absl::Status status =
      db->Transact([](Transaction& tx) -> absl::Status { return GetCluster(tx, "c1").status(); });
  CHECK(status.code() == absl::StatusCode::kInternal);
  CHECK_THAT(std::string(Message(status)), Catch::Contains("is a pump, which this dmgrd"));
}

TEST_CASE("state, list, and the operation that holds a cluster") {
  test::TestDatabase db;
  InsertBasics(*db);
  for (int i = 0; i < 3; ++i) {
    REQUIRE_OK(Insert(*db, SampleCluster("c" + std::to_string(i), 8261 + i)));
  }
  REQUIRE_OK(db->Transact(
      [](Transaction& tx) { return SetClusterState(tx, "c1", v1::CLUSTER_STATE_UP); }));
  CHECK(Sql(db.dsn(), "SELECT cluster_status FROM cluster_meta WHERE cluster_name = 'c1'") == "Up");
  const OperationRecord operation = SampleOperation("c1");
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return InsertOperation(tx, operation, false); }));
  const auto first = Get(*db, [](Transaction& tx) { return ListClusters(tx, "", 2); });
  REQUIRE(first.size() == 2);
  CHECK(first[0].cluster.name == "c0");
  CHECK(first[0].active_operation_id.empty());
  CHECK(first[1].state == v1::CLUSTER_STATE_UP);
  CHECK(first[1].active_operation_id == operation.operation.operation_id());
  REQUIRE(first[1].cluster.instances.size() == 1);
  CHECK(first[1].cluster.instances[0].port == 8262);
  const auto rest = Get(*db, [](Transaction& tx) { return ListClusters(tx, "c1", 2); });
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].cluster.name == "c2");
  const absl::Status unknown =
      db->Transact([](Transaction& tx) { return SetClusterState(tx, "x", v1::CLUSTER_STATE_UP); });
  CHECK(Reason(unknown) == "CLUSTER_NOT_FOUND");
}

TEST_CASE("of two clusters that want one port at the same time, one gets it") {
  test::TestDatabase db;
  InsertBasics(*db);
  for (int round = 0; round < 5; ++round) {
    const std::string suffix = std::to_string(round);
    const int port = 9000 + round * 100;
    ClusterRecord one = SampleCluster("one" + suffix, port);
    // Its service port is the other's peer port.
    ClusterRecord two = SampleCluster("two" + suffix, port + 30);
    absl::Status results[2];
    std::thread thread([&] { results[0] = Insert(*db, one); });
    results[1] = Insert(*db, two);
    thread.join();
    INFO(results[0].ToString() << "; " << results[1].ToString());
    CHECK(results[0].ok() != results[1].ok());
    const absl::Status& refused = results[0].ok() ? results[1] : results[0];
    CHECK(refused.code() == absl::StatusCode::kAlreadyExists);
    CHECK(Reason(refused) == "PORT_TAKEN");
    CHECK(Metadata(refused, "port") == std::to_string(port + 30));
    const std::string winner = results[0].ok() ? one.cluster.name : two.cluster.name;
    CHECK(Message(refused).find(winner) != std::string::npos);
  }
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM cluster_meta") == "5");
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM instance_port") == "10");
}

TEST_CASE("directories of two clusters on one host must not hold each other") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(Insert(*db, SampleCluster("c1", 8261)));
  for (const char* dir : {"/dm/c1", "/dm/c1/data/deeper", "/dm"}) {
    ClusterRecord record = SampleCluster("c2", 9261);
    record.cluster.instances[0].deploy_dir = dir;
    INFO(dir);
    const absl::Status status = Insert(*db, record);
    CHECK(Reason(status) == "DIRECTORY_TAKEN");
    CHECK(Message(status).find("cluster c1") != std::string::npos);
  }
  ClusterRecord beside = SampleCluster("c2", 9261);
  beside.cluster.instances[0].deploy_dir = "/dm/c1x";
  REQUIRE_OK(Insert(*db, beside));
}

TEST_CASE("what is occupied") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(Insert(*db, SampleCluster("c1", 8261)));
  const auto list = Get(*db, [](Transaction& tx) { return ListOccupied(tx); });
  REQUIRE(list.size() == 1);
  CHECK(list[0].cluster == "c1");
  CHECK(list[0].instance == "dm-h1-8261");
  CHECK(list[0].identity == "id-h1");
  CHECK(list[0].ports == std::vector<int>{8261, 8291});
  CHECK(list[0].dirs == std::vector<std::string>{"/dm/c1", "/dm/c1/data", "/dm/c1/log"});
}

TEST_CASE("a host that was replaced takes the ports of its instances along") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(Insert(*db, SampleCluster("c1", 8261)));
  MachineRecord machine = SampleMachine("h1");
  machine.machine.mutable_facts()->set_machine_identity("id-new");
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return UpdateMachine(tx, machine); }));
  CHECK(Get(*db, [](Transaction& tx) { return ListOccupied(tx); })[0].identity == "id-new");
  CHECK(Sql(db.dsn(), "SELECT count(*) FROM instance_port WHERE host_identity = 'id-new'") == "2");
}

TEST_CASE("a name is taken once") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(Insert(*db, SampleCluster("c1", 8261)));
  CHECK(Reason(Insert(*db, SampleCluster("c1", 9261))) == "CLUSTER_EXISTS");
}

TEST_CASE("deleting a cluster frees all it had and keeps its operations") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(Insert(*db, SampleCluster("c1", 8261)));
  const OperationRecord operation = SampleOperation("c1");
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(InsertOperation(tx, operation, false));
    return InsertHostRecord(tx, "c1", {"h1", "{}"});
  }));
  for (const auto& call : std::vector<std::function<absl::Status(Transaction&)>>{
           [](Transaction& tx) { return DeleteMachine(tx, "h1"); },
           [](Transaction& tx) { return DeletePackage(tx, "v7.5.1"); }}) {
    const absl::Status refused = db->Transact(call);
    CHECK(refused.code() == absl::StatusCode::kFailedPrecondition);
    CHECK(Metadata(refused, "clusters") == "c1");
  }
  CHECK(Get(*db, [](Transaction& tx) { return GetPackage(tx, "v7.5.1"); }).cluster_names(0) ==
        "c1");
  REQUIRE_OK(db->Transact([](Transaction& tx) { return DeleteCluster(tx, "c1"); }));
  for (const char* table : {"cluster_meta", "cluster_topology", "instance_port", "cluster_host"}) {
    CHECK(Sql(db.dsn(), std::string("SELECT count(*) FROM ") + table) == "0");
  }
  CHECK(Operation(*db, operation.operation.operation_id()).operation.cluster_name() == "c1");
  REQUIRE_OK(db->Transact([](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(DeleteMachine(tx, "h1"));
    return DeletePackage(tx, "v7.5.1");
  }));
}

TEST_CASE("the first record of a host is kept") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(Insert(*db, SampleCluster("c1", 8261)));
  for (const char* before : {R"({"user":  false})", R"({"user": true})"}) {
    REQUIRE_OK(db->Transact([&](Transaction& tx) {
      return InsertHostRecord(tx, "c1", {"h1", before});
    }));
  }
  const auto records = Get(*db, [](Transaction& tx) { return ListHostRecords(tx, "c1"); });
  REQUIRE(records.size() == 1);
  CHECK(records[0].machine_id == "h1");
  CHECK(records[0].before_json == R"({"user":  false})");
}

TEST_CASE("a text that jsonb cannot hold is refused") {
  test::TestDatabase db;
  InsertBasics(*db);
  ClusterRecord record = SampleCluster("c1", 8261);
  (*record.cluster.instances[0].config.mutable_fields())["x"].set_string_value(
      std::string("a\0b", 3));
  CHECK(Insert(*db, record).code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("instances come to a cluster and go with their ports") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(Insert(*db, SampleCluster("c1", 8261)));
  const ClusterRecord planned = Get(*db, [](Transaction& tx) { return GetCluster(tx, "c1"); });
  topology::Instance fresh = SampleCluster("c1", 9261).cluster.instances[0];
  fresh.name = "fresh";
  fresh.deploy_dir = fresh.data_dir = fresh.log_dir = "/dm/c1/fresh";
  fresh.membership = topology::Membership::kJoining;
  const auto add = [&](const topology::Instance& instance) {
    return db->Transact([&](Transaction& tx) {
      return InsertInstances(tx, "c1", {instance}, {{"h1", "id-h1"}});
    });
  };
  topology::Instance taken = fresh;
  taken.port = 8261;
  CHECK(absl::IsAlreadyExists(add(taken)));
  REQUIRE_OK(add(fresh));
  const auto now = [&] { return Get(*db, [](Transaction& tx) { return GetCluster(tx, "c1"); }); };
  REQUIRE(now().cluster.instances.size() == 2);
  CHECK(now().cluster.instances[0].membership == topology::Membership::kFounder);
  CHECK(now().cluster.instances[1].membership == topology::Membership::kJoining);

  REQUIRE_OK(db->Transact([&](Transaction& tx) {
    return SetMembership(tx, "c1", {"fresh"}, topology::Membership::kJoined);
  }));
  CHECK(now().cluster.instances[1].membership == topology::Membership::kJoined);
  CHECK_FALSE(now().cluster.instances[1].wanted_running);
  CHECK(now().cluster.instances[1].wanted_enabled);
  REQUIRE_OK(db->Transact([&](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(SetWantedRunning(tx, "c1", {"fresh"}, true));
    return SetWantedEnabled(tx, "c1", {"fresh"}, false);
  }));
  CHECK(now().cluster.instances[1].wanted_running);
  CHECK_FALSE(now().cluster.instances[1].wanted_enabled);
  CHECK_FALSE(now().cluster.instances[0].wanted_running);
  v1::Topology topology = planned.topology;
  topology.mutable_global()->set_user("other");
  REQUIRE_OK(
      db->Transact([&](Transaction& tx) { return SetTopology(tx, "c1", topology, "sealed"); }));
  CHECK(now().topology.global().user() == "other");
  REQUIRE_OK(db->Transact([&](Transaction& tx) { return DeleteInstances(tx, "c1", {"fresh"}); }));
  CHECK(now().cluster.instances.size() == 1);
  REQUIRE_OK(add(fresh));
}

TEST_CASE("a configuration waits until it is brought to the hosts, or dropped") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(Insert(*db, SampleCluster("c1", 8261)));
  const auto now = [&] { return Get(*db, [](Transaction& tx) { return GetCluster(tx, "c1"); }); };
  const auto change = [&](const auto& work) { return db->Transact(work); };
  topology::Instance instance = now().cluster.instances[0];
  CHECK_FALSE(now().pending_topology.has_value());
  v1::Topology wanted;
  wanted.mutable_global()->set_user("tidb");
  const auto set = [&](Transaction& tx) {
    return SetPending(tx, "c1", wanted, "sealed", {instance.name});
  };
  REQUIRE_OK(change(set));
  REQUIRE(now().pending_topology.has_value());
  CHECK(now().pending_topology->global().user() == "tidb");
  CHECK(now().sealed_pending == "sealed");
  CHECK(now().needs_reload == std::vector<std::string>{instance.name});
  REQUIRE_OK(change([](Transaction& tx) { return DropPending(tx, "c1"); }));
  CHECK_FALSE(now().pending_topology.has_value());
  CHECK(now().needs_reload.empty());

  REQUIRE_OK(change(set));
  instance.numa_node = "1";
  (*instance.config.mutable_fields())["log-level"].set_string_value("info");
  REQUIRE_OK(change([&](Transaction& tx) { return SetInstanceConfig(tx, "c1", instance); }));
  CHECK(now().needs_reload.empty());
  CHECK(now().cluster.instances[0].numa_node == "1");
  CHECK(now().cluster.instances[0].config.fields().at("log-level").string_value() == "info");

  // While an operation holds the cluster it stays as it is.
  REQUIRE_OK(
      change([](Transaction& tx) { return InsertOperation(tx, SampleOperation("c1"), false); }));
  CHECK(absl::IsFailedPrecondition(change(set)));
  CHECK(absl::IsFailedPrecondition(change([](Transaction& tx) { return DropPending(tx, "c1"); })));
  REQUIRE_OK(change([](Transaction& tx) { return EndPending(tx, "c1"); }));
  CHECK_FALSE(now().pending_topology.has_value());
}

TEST_CASE("whoever read a cluster before it was changed comes too late") {
  test::TestDatabase db;
  InsertBasics(*db);
  REQUIRE_OK(Insert(*db, SampleCluster("c1", 8261)));
  REQUIRE_OK(Insert(*db, SampleCluster("other", 9261)));
  const auto read = [&] { return Get(*db, [](Transaction& tx) { return GetCluster(tx, "c1"); }); };
  const auto lock = [&](const ClusterRecord& record) {
    return db->Transact([&](Transaction& tx) { return LockUnchanged(tx, record); });
  };
  const std::string instance = read().cluster.instances[0].name;
  const std::vector<std::function<absl::Status(Transaction&)>> changes = {
      [](Transaction& tx) { return SetClusterState(tx, "c1", v1::CLUSTER_STATE_UP); },
      [](Transaction& tx) { return SetTopology(tx, "c1", v1::Topology(), "sealed"); },
      [&](Transaction& tx) {
        return SetMembership(tx, "c1", {instance}, topology::Membership::kJoined);
      },
      [](Transaction& tx) {
        return InsertHostRecord(tx, "c1", {"h1", "{}"});
      },
      [](Transaction& tx) { return DeleteHostRecord(tx, "c1", "h1"); },
      [&](Transaction& tx) { return DeleteInstances(tx, "c1", {instance}); }};
  for (const auto& change : changes) {
    const ClusterRecord before = read();
    REQUIRE_OK(lock(before));
    REQUIRE_OK(db->Transact(
        [](Transaction& tx) { return SetClusterState(tx, "other", v1::CLUSTER_STATE_UP); }));
    REQUIRE_OK(lock(before));
    REQUIRE_OK(db->Transact(change));
    const absl::Status late = lock(before);
    CHECK(absl::IsAborted(late));
    CHECK(Reason(late) == "CLUSTER_CHANGED");
    REQUIRE_OK(lock(read()));
  }
  // Another cluster of the same name.
  const ClusterRecord gone = read();
  REQUIRE_OK(db->Transact([](Transaction& tx) { return DeleteCluster(tx, "c1"); }));
  CHECK(absl::IsNotFound(lock(gone)));
  ClusterRecord next = SampleCluster("c1", 8261);
  next.cluster.uuid = "99999999-2222-4333-8444-555555555555";
  REQUIRE_OK(Insert(*db, next));
  CHECK(absl::IsAborted(lock(gone)));
}

}  // namespace
}  // namespace dmgr::store
