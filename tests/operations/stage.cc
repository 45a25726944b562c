#include "tests/operations/stage.h"

#include <fmt/format.h>
#include <google/protobuf/text_format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "common/version.h"
#include "server/machines/access.h"
#include "server/machines/follow.h"
#include "server/operations/catalog.h"
#include "server/operations/steps/host_scope.h"
#include "server/warehouse/patch_upload.h"
#include "server/warehouse/warehouse.h"
#include "templates/defaults.h"
#include "tests/store/samples.h"
#include "tests/unit/package/support.h"

namespace dmgr::test {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;

v1::UploadHeader HeaderOf(const std::string& name, const std::string& bytes) {
  v1::UploadHeader header;
  header.set_file_name(name);
  header.set_size_bytes(bytes.size());
  header.set_sha256(package::Sha256Hex(bytes));
  return header;
}

template <typename Upload>
void Send(const std::string& bytes, Upload* upload) {
  for (std::size_t at = 0; at < bytes.size(); at += kChunk) {
    v1::UploadChunk chunk;
    chunk.set_offset(at);
    chunk.set_data(bytes.substr(at, kChunk));
    REQUIRE_OK(upload->Append(chunk));
  }
}

// A query for one text with a line for each row of the tables that describe clusters.
std::string RecordQuery(pqxx::connection* connection) {
  pqxx::nontransaction onlooker(*connection);
  return onlooker
      .exec1(R"(
      SELECT 'SELECT coalesce(string_agg(line, E''\n'' ORDER BY line), '''') FROM ('
             || string_agg(format($$
                  SELECT %1$L || ' ' || (
                    SELECT jsonb_object_agg(key, value)::text FROM jsonb_each(to_jsonb(t))
                    WHERE key !~ '^sealed_|_time$|^row_version$|^used$'
                      AND (key <> 'revision' OR %1$L ~ '^migration')) AS line
                  FROM %1$I t$$, table_name), ' UNION ALL ')
             || ') lines'
      FROM information_schema.tables
      WHERE table_schema = 'public'
        AND table_name ~ '^(cluster|instance|role|patch|machine|migration|warehouse)')")[0]
      .as<std::string>();
}

// Lines of one text that another one does not have.
std::string Missing(const std::string& text, const std::string& other, char mark) {
  std::string lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (("\n" + other).find("\n" + line + "\n") == std::string::npos) {
      lines += std::string(1, mark) + " " + line + "\n";
    }
    at = end + 1;
  }
  return lines;
}

}  // namespace

std::string Difference(const Scene& before, const Scene& after) {
  std::string lines;
  for (const auto& [machine, tree] : before.hosts) {
    const std::string differs = testing::Difference(tree, after.hosts.at(machine));
    if (!differs.empty()) lines += fmt::format("{}:\n{}", machine, differs);
    if (before.running.at(machine) != after.running.at(machine)) {
      lines += fmt::format("{}: running {} => {}\n", machine,
                           Catch::Detail::stringify(before.running.at(machine)),
                           Catch::Detail::stringify(after.running.at(machine)));
    }
  }
  lines += testing::Difference(before.control, after.control);
  lines += Missing(before.record, after.record, '-') + Missing(after.record, before.record, '+');
  if (before.members != after.members) lines += before.members + " => " + after.members + "\n";
  return lines;
}

// Far ends sync all that they write, and nothing here is to outlive the machine. Whoever names a
// folder for temporary files means it.
Stage::InMemory::InMemory() {
  constexpr char kMemory[] = "/dev/shm";
  constexpr std::uint64_t kEnough = std::uint64_t{1} << 30;
  struct statvfs info = {};
  const bool usable = access(kMemory, W_OK | X_OK) == 0 && statvfs(kMemory, &info) == 0 &&
                      (info.f_flag & ST_NOEXEC) == 0 && info.f_bavail * info.f_frsize >= kEnough;
  if (usable) setenv("TMPDIR", kMemory, /*overwrite=*/0);
}

Stage::Stage()
    : onlooker_(database_.dsn()),
      record_query_(RecordQuery(&onlooker_)),
      connector_(DMGR_FAR_PROGRAM) {
  auto secrets = auth::SecretBox::Open(dir_ / "master.key");
  REQUIRE_OK(secrets.status());
  secrets_.emplace(*std::move(secrets));
  resources_.database = &*database_;
  resources_.secrets = &*secrets_;
  resources_.hosts = &connector_;
  resources_.members = &members_;
  resources_.threads = &threads_;
  resources_.cluster_path = dir_ / "control";
  resources_.cluster_roots = {resources_.cluster_path};
  resources_.warehouse_dir = dir_ / "control/warehouse";
  std::filesystem::create_directories(resources_.warehouse_dir);
  // Of all clusters, made with the first one.
  std::filesystem::create_directories(resources_.cluster_path + "/cluster");
  operations::RegisterAll(&resources_, &registry_);
  for (const char* number : {"1", "2", "3", "4"}) {
    AddMachine(std::string("m") + number, std::string("10.0.0.") + number);
  }
  AddPackage("v7.5.1");
}

engine::ScopeFactory Stage::scopes() const { return operations::MakeScopeFactory(&resources_); }

void Stage::AddMachine(const std::string& id, const std::string& address) {
  auto& host = hosts_[id];
  host = std::make_unique<StandInHost>();
  connector_.Add(id, host->root().path());
  members_.AddHost(id, host.get());
  auto record = store::SampleMachine(id);
  record.machine.set_host(address);
  host->root().Write("etc/machine-id", record.machine.facts().machine_identity() + "\n");
  record.machine.mutable_facts()->set_arch("amd64");
  record.sealed_credential =
      secrets_->Seal(v1::Credential().SerializeAsString(), machines::CredentialContext(record));
  REQUIRE_OK(database_->Transact(
      [&](store::Transaction& tx) { return store::InsertMachine(tx, record); }));
}

std::vector<std::string> Stage::Readdress(const std::string& machine, const std::string& address) {
  std::vector<std::string> behind;
  REQUIRE_OK(database_->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(auto record, store::GetMachine(tx, machine));
    const v1::Machine former = record.machine;
    record.machine.set_host(address);
    record.sealed_credential =
        secrets_->Seal(v1::Credential().SerializeAsString(), machines::CredentialContext(record));
    RETURN_IF_ERROR(store::UpdateMachine(tx, record));
    ASSIGN_OR_RETURN(behind, machines::FollowMachine(tx, former, record.machine));
    return absl::OkStatus();
  }));
  return behind;
}

void Stage::SetArch(const std::string& machine, const std::string& arch) {
  REQUIRE_OK(database_->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(auto record, store::GetMachine(tx, machine));
    record.machine.mutable_facts()->set_arch(arch);
    return store::UpdateMachine(tx, record);
  }));
}

void Stage::AddPackage(const std::string& version, const std::string& second_arch) {
  package::Tree tree = package::GoodTree();
  for (const auto& [path, content] : templates::DefaultFiles(*DmVersion::Parse(version))) {
    tree[path] = std::string(content);
  }
  for (const char* program : {"bin/node_exporter", "bin/blackbox_exporter"}) {
    tree[program] = package::Program("amd64", program);
  }
  for (const char* program : {"bin/dm-master", "bin/dm-worker"}) {
    tree[program] = package::Program("amd64", program + version);
  }
  std::vector<package::TarEntry> second;
  if (!second_arch.empty()) {
    second = package::SecondOf(second_arch);
    for (const char* program : {"bin/node_exporter", "bin/blackbox_exporter"}) {
      second.push_back(package::EntryOf(program, package::Program(second_arch, program)));
      second.back().path = second_arch + "/" + program;
    }
  }
  const std::string bytes = package::PackTree(tree, "", second);
  warehouse::Warehouse warehouse(&resources_);
  auto upload = warehouse.Begin(HeaderOf("dm-" + version + ".tar.gz", bytes));
  REQUIRE_OK(upload.status());
  Send(bytes, upload->get());
  REQUIRE_OK((*upload)->Finish().status());
}

std::string Stage::AddWorkerPatch() {
  const std::string bytes = package::Program("amd64", "the patch of dm-worker");
  v1::UploadPatchHeader header;
  *header.mutable_file() = HeaderOf("dm-worker", bytes);
  header.set_component(v1::COMPONENT_DM_WORKER);
  warehouse::Uploads uploads(resources_.warehouse_dir);
  auto upload = warehouse::PatchUpload::Begin(resources_, &uploads, header);
  REQUIRE_OK(upload.status());
  Send(bytes, upload->get());
  const auto patch = (*upload)->Finish();
  REQUIRE_OK(patch.status());
  return patch->patch_id();
}

void Stage::Lose(const std::string& machine) {
  hosts_.at(machine)->TurnOff();
  connector_.Lose(machine);
}

void Stage::Recover(const std::string& machine) {
  connector_.Add(machine, hosts_.at(machine)->root().path());
}

Scene Stage::Look() {
  Scene scene;
  for (const auto& [machine, host] : hosts_) {
    scene.hosts[machine] = testing::ReadHostTree(host->root().path());
    scene.running[machine] = host->Running();
  }
  scene.control = testing::ReadHostTree(resources_.cluster_path);
  scene.record = LookAtRecord();
  scene.members = members_.State();
  return scene;
}

std::string Stage::LookAtRecord() {
  return pqxx::nontransaction(onlooker_).exec1(record_query_)[0].as<std::string>() + "\n";
}

std::vector<std::string> FillDirs(Stage& stage, const std::string& cluster) {
  store::ClusterRecord record;
  REQUIRE_OK(stage.database().Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetCluster(tx, cluster));
    return absl::OkStatus();
  }));
  std::vector<std::string> written;
  for (const auto& instance : record.cluster.instances) {
    for (const auto& dir : {instance.log_dir, instance.data_dir}) {
      const auto& root = stage.host(instance.machine_id).root();
      struct stat info = {};
      REQUIRE(stat((root.path() + dir).c_str(), &info) == 0);
      root.Write(dir.substr(1) + "/written", "x");
      written.push_back(root.path() + dir + "/written");
      REQUIRE(chown(written.back().c_str(), info.st_uid, info.st_gid) == 0);
    }
  }
  return written;
}

v1::Topology SampleTopology() {
  v1::Topology topology;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(R"(
      global { user: "dm" deploy_dir: "/opt/dm/deploy" data_dir: "/opt/dm/data" }
      master_servers { placement { host: "10.0.0.1" } name: "master-1" port: 18261 peer_port: 18291 }
      master_servers { placement { host: "10.0.0.2" } name: "master-2" port: 18261 peer_port: 18291 }
      master_servers { placement { host: "10.0.0.3" } name: "master-3" port: 18261 peer_port: 18291 }
      worker_servers { placement { host: "10.0.0.2" } name: "worker-2" port: 18262 }
      worker_servers { placement { host: "10.0.0.3" } name: "worker-3" port: 18262 }
      monitoring_servers { placement { host: "10.0.0.1" } port: 19090 }
      alertmanager_servers { placement { host: "10.0.0.1" } web_port: 19093 cluster_port: 19094 }
      grafana_servers { placement { host: "10.0.0.1" } port: 13000 })",
                                                        &topology));
  return topology;
}

}  // namespace dmgr::test
