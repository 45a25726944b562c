#include "server/store/seal_key_store.h"

#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr char kLock[] = "LOCK TABLE seal_key IN EXCLUSIVE MODE";
constexpr char kGet[] = "SELECT key_id, canary, next_key_id, next_canary FROM seal_key";
constexpr char kUpdate[] =
    "UPDATE seal_key SET key_id = $1, canary = $2::bytea, next_key_id = $3, next_canary = "
    "$4::bytea";
constexpr char kFormer[] =
    "SELECT last_audit_id, key_id, sealed_fingerprint_key FROM former_key ORDER BY last_audit_id";
constexpr char kInsertFormer[] =
    "INSERT INTO former_key (last_audit_id, key_id, sealed_fingerprint_key)"
    " VALUES ($1::bigint, $2, $3::bytea)";
constexpr char kForgetMachines[] =
    "UPDATE machine SET sealed_credential = '' WHERE sealed_credential <> '' RETURNING machine_id";
constexpr char kForgetClusters[] =
    "UPDATE cluster_meta SET sealed_private_key = '', sealed_grafana_password = '',"
    " sealed_options = '', sealed_tls = '', pending_topology = NULL, sealed_pending = NULL,"
    " secrets_forgotten = true RETURNING cluster_name";
constexpr char kForgetReloads[] =
    "UPDATE cluster_topology SET needs_reload = false WHERE needs_reload";
constexpr char kForgetFormer[] = "UPDATE former_key SET sealed_fingerprint_key = ''";
constexpr char kForgetMigrations[] = "UPDATE migration_revision SET sealed_config = ''";
constexpr char kForgetCopies[] = "UPDATE cluster_copy SET sealed_copy = ''";
constexpr char kInsert[] = "INSERT INTO seal_key (key_id, canary) VALUES ($1, $2::bytea)";
constexpr char kAnySealed[] =
    "SELECT true AS of_machine, machine_id AS owner, sealed_credential AS sealed FROM machine"
    " WHERE sealed_credential <> '' UNION ALL"
    " SELECT false, cluster_uuid::text, sealed_private_key FROM cluster_meta"
    " WHERE sealed_private_key <> '' LIMIT 1";

}  // namespace

absl::StatusOr<std::optional<SealKeyRecord>> LockSealKey(Transaction& tx) {
  RETURN_IF_ERROR(Run(tx, kLock, {}).status());
  return GetSealKey(tx);
}

absl::StatusOr<std::optional<SealKeyRecord>> GetSealKey(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {}));
  if (rows.empty()) return std::optional<SealKeyRecord>();
  return std::optional<SealKeyRecord>(
      SealKeyRecord{Text(rows[0]["key_id"]), Bytes(rows[0]["canary"]), Text(rows[0]["next_key_id"]),
                    Bytes(rows[0]["next_canary"])});
}

absl::Status InsertSealKey(Transaction& tx, const SealKeyRecord& record) {
  return Run(tx, kInsert, {record.key_id, Param::Bytes(record.canary)}).status();
}

absl::Status UpdateSealKey(Transaction& tx, const SealKeyRecord& record) {
  const bool has_next = !record.next_key_id.empty();
  return Run(tx, kUpdate,
             {record.key_id, Param::Bytes(record.canary), Param::OrNull(record.next_key_id),
              has_next ? Param::Bytes(record.next_canary) : Param(nullptr)})
      .status();
}

absl::StatusOr<std::vector<FormerKey>> ListFormerKeys(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kFormer, {}));
  std::vector<FormerKey> keys;
  for (const pqxx::row& row : rows) {
    keys.push_back({row["last_audit_id"].as<std::int64_t>(), Text(row["key_id"]),
                    Bytes(row["sealed_fingerprint_key"])});
  }
  return keys;
}

absl::Status InsertFormerKey(Transaction& tx, const FormerKey& key) {
  return Run(tx, kInsertFormer,
             {key.last_audit_id, key.key_id, Param::Bytes(key.sealed_fingerprint_key)})
      .status();
}

absl::StatusOr<Forgotten> ForgetSealed(Transaction& tx) {
  Forgotten forgotten;
  ASSIGN_OR_RETURN(const pqxx::result machines, Run(tx, kForgetMachines, {}));
  for (const pqxx::row& row : machines) forgotten.machines.push_back(Text(row[0]));
  ASSIGN_OR_RETURN(const pqxx::result clusters, Run(tx, kForgetClusters, {}));
  for (const pqxx::row& row : clusters) forgotten.clusters.push_back(Text(row[0]));
  RETURN_IF_ERROR(Run(tx, kForgetReloads, {}).status());
  RETURN_IF_ERROR(Run(tx, kForgetFormer, {}).status());
  RETURN_IF_ERROR(Run(tx, kForgetMigrations, {}).status());
  RETURN_IF_ERROR(Run(tx, kForgetCopies, {}).status());
  return forgotten;
}

absl::StatusOr<std::optional<SealedValue>> AnySealedValue(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kAnySealed, {}));
  if (rows.empty()) return std::optional<SealedValue>();
  const auto of =
      rows[0]["of_machine"].as<bool>() ? SealedValue::Of::kMachine : SealedValue::Of::kCluster;
  return std::optional<SealedValue>(
      SealedValue{of, Text(rows[0]["owner"]), Bytes(rows[0]["sealed"])});
}

}  // namespace dmgr::store
