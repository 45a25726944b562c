#include "tests/store/samples.h"

#include "common/ids.h"

namespace dmgr::store {

v1::Package SamplePackage(const std::string& version) {
  v1::Package package;
  package.set_version(version);
  package.set_file_name("dm-" + version + ".tar.gz");
  package.set_size_bytes(5'000'000'000);
  package.set_sha256(std::string(64, 'a'));
  package.set_arch("amd64");
  v1::PackageComponent* component = package.add_components();
  component->set_component(v1::COMPONENT_DM_MASTER);
  component->set_release_hash("beef");
  component->set_size_bytes(42);
  component->add_files()->set_path("bin/dm-master");
  return package;
}

MachineRecord SampleMachine(const std::string& id) {
  MachineRecord record;
  v1::Machine& machine = record.machine;
  machine.set_machine_id(id);
  machine.set_host(id + ".example");
  machine.set_ssh_port(22);
  machine.set_user("root");
  machine.set_privilege(v1::PRIVILEGE_SUDO_PASSWORD);
  machine.set_host_key_fingerprint("SHA256:abc");
  machine.set_far_end_dir("/var/lib/dmgr");
  machine.set_credential_kind(v1::CREDENTIAL_KIND_PRIVATE_KEY);
  machine.mutable_facts()->set_machine_identity("id-" + id);
  machine.mutable_facts()->set_memory_bytes(1ULL << 40);
  record.host_key = "ssh-ed25519 AAAA";
  record.sealed_credential = std::string("\x01\x00\xff sealed", 10);
  return record;
}

UserRecord SampleUser(const std::string& name) {
  UserRecord record;
  record.user.set_name(name);
  record.user.set_role(v1::ROLE_OPERATOR);
  record.password_hash = "$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA";
  return record;
}

ClusterRecord SampleCluster(const std::string& name, int port) {
  ClusterRecord record;
  topology::Cluster& cluster = record.cluster;
  cluster.name = name;
  cluster.uuid = NewUuid();
  cluster.version = "v7.5.1";
  cluster.user = "tidb";
  cluster.group = "tidb";
  cluster.cluster_path = "/var/lib/dmgr/clusters";
  topology::Instance master;
  master.name = "dm-h1-" + std::to_string(port);
  master.component = topology::Component::kDmMaster;
  master.host = "h1.example";
  master.manage_host = "h1.example";
  master.machine_id = "h1";
  master.port = port;
  master.peer_port = port + 30;
  master.listen_host = "0.0.0.0";
  master.deploy_dir = "/dm/" + name;
  master.data_dir = "/dm/" + name + "/data";
  master.log_dir = "/dm/" + name + "/log";
  (*master.config.mutable_fields())["log-level"].set_string_value("debug");
  (*master.config.mutable_fields())["ratio"].set_number_value(0.1);
  master.resource_control.set_memory_limit("4G");
  cluster.instances.push_back(master);
  record.topology.mutable_global()->set_user("tidb");
  record.public_key = "ssh-ed25519 AAAA dmgr";
  record.sealed_private_key = "sealed key";
  record.sealed_grafana_password = std::string("\0\1", 2);
  record.sealed_options = std::string("\1\0", 2);
  return record;
}

OperationRecord SampleOperation(const std::string& cluster) {
  OperationRecord record;
  record.operation.set_operation_id(NewUuid());
  record.operation.set_kind(v1::OPERATION_KIND_DEPLOY);
  record.operation.set_cluster_name(cluster);
  record.operation.set_user_name("alice");
  record.operation.set_cluster_uuid(NewUuid());
  record.request_fingerprint = "f";
  StepRecord a;
  a.step.set_step_id("a");
  a.step.set_title("do a");
  a.step.set_host("h1");
  a.step.set_state(v1::STEP_STATE_PENDING);
  a.runner = "noop";
  a.payload_json = R"({"n":1})";
  StepRecord b = a;
  b.step.set_step_id("b");
  b.step.add_depends_on("a");
  b.step.set_bytes_total(100);
  b.step.set_point_of_no_return(true);
  b.weight = 3;
  record.steps = {a, b};
  return record;
}

void InsertBasics(Database& database) {
  REQUIRE_OK(database.Transact([](Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(InsertPackage(tx, SamplePackage("v7.5.1")));
    return InsertMachine(tx, SampleMachine("h1"));
  }));
}

const Abilities& SampleAbilities() {
  static const Abilities kAbilities = {.plan_format = 1, .runners = {"noop"}};
  return kAbilities;
}

std::string InsertOne(Database& database, const std::string& cluster) {
  const OperationRecord record = SampleOperation(cluster);
  REQUIRE_OK(
      database.Transact([&](Transaction& tx) { return InsertOperation(tx, record, false); }));
  return record.operation.operation_id();
}

OperationRecord Operation(Database& database, const std::string& id) {
  return Get(database, [&](Transaction& tx) { return GetOperation(tx, id); });
}

OperationRecord ClaimOne(Database& database, absl::Duration lease, Claim* claim) {
  const auto record = Get(database, [&](Transaction& tx) {
    return ClaimOperation(tx, "owner", SampleAbilities(), lease);
  });
  REQUIRE(record.has_value());
  claim->operation_id = record->operation.operation_id();
  claim->epoch = record->epoch;
  return *record;
}

absl::Status SetStep(Database& database, const Claim& claim, const std::string& step,
                     v1::StepState state, const std::string& result) {
  return database.Transact([&](Transaction& tx) {
    return SetStepState(tx, claim, {.step_id = step, .state = state, .result_json = result})
        .status();
  });
}

std::vector<v1::OperationEvent> Events(Database& database, const std::string& id) {
  auto events = Get(database, [&](Transaction& tx) { return ListEvents(tx, id, 0, 100000); });
  for (std::size_t i = 0; i < events.size(); ++i) REQUIRE(events[i].sequence() == i + 1);
  return events;
}

}  // namespace dmgr::store
