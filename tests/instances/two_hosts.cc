#include "tests/instances/two_hosts.h"

#include <filesystem>

#include "server/clusters/record.h"
#include "server/machines/access.h"

namespace dmgr::test {
namespace {

topology::Instance Worker(topology::Instance worker) {
  worker.name = "dm-h2-8262";
  worker.component = topology::Component::kDmWorker;
  worker.host = worker.manage_host = "h2.example";
  worker.machine_id = "h2";
  worker.port = 8262;
  worker.peer_port = 0;
  worker.deploy_dir = "/dm/worker";
  worker.data_dir = "/dm/worker/data";
  worker.log_dir = "/dm/worker/log";
  return worker;
}

}  // namespace

TwoHosts::TwoHosts() {
  auto secrets = auth::SecretBox::Open(control_ / "master.key");
  REQUIRE_OK(secrets.status());
  secrets_.emplace(*std::move(secrets));
  connector_.Add("h1", h1_.path());
  connector_.Add("h2", h2_.path());
  resources_.database = &*database_;
  resources_.secrets = &*secrets_;
  resources_.hosts = &connector_;
  resources_.members = &members_;
  resources_.threads = &threads_;
  resources_.cluster_path = control_.path();
  resources_.warehouse_dir = control_ / "warehouse";
  std::filesystem::create_directories(resources_.warehouse_dir);

  store::ClusterRecord record = store::SampleCluster(kDemo, 8261);
  record.cluster.cluster_path = control_.path();
  record.cluster.instances.push_back(Worker(record.cluster.instances[0]));
  record.sealed_grafana_password =
      secrets_->Seal("grafana-pass-1", clusters::GrafanaContext(record.cluster.uuid));
  clusters::SealOptions(resources_, &record);
  REQUIRE_OK(database_->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::InsertPackage(tx, store::SamplePackage("v7.5.1")));
    for (const char* host : {"h1", "h2"}) {
      auto machine = store::SampleMachine(host);
      machine.sealed_credential = secrets_->Seal(v1::Credential().SerializeAsString(),
                                                 machines::CredentialContext(machine));
      RETURN_IF_ERROR(store::InsertMachine(tx, machine));
    }
    return store::InsertCluster(tx, record, {{"h1", "id-h1"}, {"h2", "id-h2"}});
  }));
}

}  // namespace dmgr::test
