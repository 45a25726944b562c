#include "tests/store/sealed_world.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "server/secrets/audit_chain.h"
#include "server/store/cluster_config_store.h"
#include "server/store/copy_store.h"
#include "server/store/migration_store.h"
#include "server/store/sealed_store.h"

namespace dmgr::secrets {
namespace {

std::string CredentialOf(const store::MachineRecord& machine) {
  return "at " + machine.machine.host();
}

// What is sealed says where it belongs.
std::string TextOf(const std::string& context) { return "secret of " + context; }

}  // namespace

SealContexts SealedWorld::Contexts() {
  return {.former_credential = [](const std::string& id) { return "machine:" + id; },
          .credential = CredentialOf,
          .cluster_key = [](const std::string& uuid) { return "kClusterKey " + uuid; },
          .others = [](const store::SealedRow& row) -> std::vector<std::string> {
            if (!row.operation_id.empty()) {
              return {"restore " + row.operation_id, "kClusterKey " + row.cluster_uuid};
            }
            return {store::NameOf(row.column) + " " + row.owner};
          }};
}

auth::SecretBox SealedWorld::Key(const std::string& name) const {
  auto box = auth::SecretBox::Open(dir / name);
  REQUIRE_OK(box.status());
  return *std::move(box);
}

absl::StatusOr<auth::SecretBox> SealedWorld::Start(const std::string& key_name) {
  return OpenMasterKey(&*db, {.path = dir / key_name}, Contexts());
}

SealedWorld::SealedWorld() {
  const auto opened = Start("old");
  REQUIRE_OK(opened.status());
  const auth::SecretBox& box = *opened;
  const auto seal = [&](const std::string& context) { return box.Seal(TextOf(context), context); };
  store::InsertBasics(*db);
  REQUIRE_OK(db->Transact([&](store::Transaction& tx) -> absl::Status {
    for (int i = 1; i <= kMachines; ++i) {
      auto machine = store::SampleMachine("m" + std::to_string(i));
      machine.sealed_credential = seal(CredentialOf(machine));
      RETURN_IF_ERROR(store::InsertMachine(tx, machine));
    }
    ASSIGN_OR_RETURN(auto h1, store::GetMachine(tx, "h1"));
    h1.sealed_credential = seal(CredentialOf(h1));
    RETURN_IF_ERROR(store::UpdateMachine(tx, h1));
    auto cluster = store::SampleCluster("c1", 8261);
    cluster_uuid = cluster.cluster.uuid;
    const auto of = [&](store::SealedColumn column) {
      return seal(store::NameOf(column) + " " + cluster_uuid);
    };
    cluster.sealed_private_key = of(store::SealedColumn::kClusterKey);
    cluster.sealed_grafana_password = of(store::SealedColumn::kGrafanaPassword);
    cluster.sealed_options = of(store::SealedColumn::kOptions);
    topology::Tls tls;
    tls.trusted = tls.issuer = "CA";
    tls.sealed_secrets = of(store::SealedColumn::kTls);
    cluster.cluster.SetTls(std::make_shared<const topology::Tls>(tls));
    RETURN_IF_ERROR(store::InsertCluster(tx, cluster, {{"h1", "id-h1"}}));
    const store::MigrationKey source{cluster_uuid, store::MigrationKind::kSource, "s 1"};
    for (int i = 1; i <= kRevisions; ++i) {
      const std::string row = cluster_uuid + " source s 1 " + std::to_string(i);
      const std::string of_source =
          seal(store::NameOf(store::SealedColumn::kMigrationConfig) + " " + row);
      RETURN_IF_ERROR(store::InsertRevision(
          tx, source, {.revision = i, .sealed_config = of_source, .user_name = "u"}));
    }
    RETURN_IF_ERROR(
        store::KeepCopy(tx, {.cluster_uuid = cluster_uuid,
                             .content_hash = "hash",
                             .etcd_cluster_id = "1",
                             .sealed_copy = seal(store::NameOf(store::SealedColumn::kCopy) + " " +
                                                 cluster_uuid + " 1"),
                             .take_time = absl::Now()})
            .status());
    return store::SetPending(tx, "c1", cluster.topology, of(store::SealedColumn::kPending), {});
  }));
  auto operation = store::SampleOperation("c1");
  operation.operation.set_cluster_uuid(cluster_uuid);
  operation_id = operation.operation.operation_id();
  const std::string restore = absl::Base64Escape(seal("restore " + operation_id));
  const std::string key = absl::Base64Escape(seal("kClusterKey " + cluster_uuid));
  operation.steps[0].payload_json = nlohmann::json{
      {"previous", {{"public_key", "ssh"}, {"sealed_private_key", key}}},
      {"next",
       {{"sealed_private_key", ""}}}}.dump();
  operation.steps[1].payload_json = nlohmann::json{{"restore", false}}.dump();
  REQUIRE_OK(db->Transact(
      [&](store::Transaction& tx) { return store::InsertOperation(tx, operation, false); }));
  const std::string result =
      nlohmann::json{
          {"files", {{{"name", "a"}, {"restore", restore}}, {{"name", "b"}, {"restore", restore}}}}}
          .dump();
  Sql("UPDATE operation_step SET result = '" + result + "' WHERE position = 1");
  Audit(box, "before");
  Audit(box, "just before");
}

int SealedWorld::Openable(const std::vector<const auth::SecretBox*>& keys) {
  int count = 0;
  REQUIRE_OK(db->Transact([&](store::Transaction& tx) -> absl::Status {
    for (const auto column : store::SealedColumns()) {
      if (column == store::SealedColumn::kFormerKey) continue;
      ASSIGN_OR_RETURN(const auto part, store::ReadSealed(tx, column, "", 1000));
      for (const auto& row : part.rows) {
        auto contexts = std::vector<std::string>();
        if (column == store::SealedColumn::kCredential) {
          ASSIGN_OR_RETURN(const auto machine, store::GetMachine(tx, row.owner));
          contexts = {CredentialOf(machine)};
        } else {
          contexts = Contexts().others(row);
        }
        for (const auto& sealed : row.sealed) {
          int opened = 0;
          for (const auto* key : keys) {
            for (const auto& context : contexts) {
              const auto text = key->Open(sealed, context);
              if (text.ok() && *text == TextOf(context)) ++opened;
            }
          }
          INFO(store::NameOf(column) << " of " << row.owner);
          CHECK(opened == 1);
          count += opened;
        }
      }
    }
    return absl::OkStatus();
  }));
  return count;
}

std::int64_t SealedWorld::AuditProblems(const auth::SecretBox& key, std::int64_t* unverified) {
  v1::VerifyAuditLogResponse response;
  const auto former =
      store::Get(*db, [&](store::Transaction& tx) { return FormerChainsOf(tx, key); });
  store::AuditVerifier verifier(ChainOf(key), former, {}, &response);
  for (bool more = true; more;) {
    more = store::Get(*db, [&](store::Transaction& tx) { return verifier.Next(tx); });
  }
  if (unverified != nullptr) *unverified = response.unverified_records();
  return response.problem_count();
}

void SealedWorld::Audit(const auth::SecretBox& key, const std::string& user) {
  store::Get(*db, [&](store::Transaction& tx) {
    return store::InsertAudit(tx, {.user_name = user, .peer = "p", .method = "m"}, ChainOf(key));
  });
}

}  // namespace dmgr::secrets
