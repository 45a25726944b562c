#include "server/store/seal_key_store.h"

#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr char kLock[] = "LOCK TABLE seal_key IN EXCLUSIVE MODE";
constexpr char kGet[] = "SELECT key_id, canary FROM seal_key";
constexpr char kInsert[] = "INSERT INTO seal_key (key_id, canary) VALUES ($1, $2::bytea)";
constexpr char kAnySealed[] =
    "SELECT true AS of_machine, machine_id AS owner, sealed_credential AS sealed FROM machine"
    " WHERE sealed_credential <> '' UNION ALL"
    " SELECT false, cluster_uuid::text, sealed_private_key FROM cluster_meta"
    " WHERE sealed_private_key <> '' LIMIT 1";

}  // namespace

absl::StatusOr<std::optional<SealKeyRecord>> LockSealKey(Transaction& tx) {
  RETURN_IF_ERROR(Run(tx, kLock, {}).status());
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {}));
  if (rows.empty()) return std::optional<SealKeyRecord>();
  return std::optional<SealKeyRecord>(
      SealKeyRecord{Text(rows[0]["key_id"]), Bytes(rows[0]["canary"])});
}

absl::Status InsertSealKey(Transaction& tx, const SealKeyRecord& record) {
  return Run(tx, kInsert, {record.key_id, Param::Bytes(record.canary)}).status();
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
