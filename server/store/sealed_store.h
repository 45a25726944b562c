// All that is sealed with the master key, wherever it lies.
#ifndef DMGR_SERVER_STORE_SEALED_STORE_H_
#define DMGR_SERVER_STORE_SEALED_STORE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/database.h"

namespace dmgr::store {

// A column that holds sealed values: each a value by itself, or fields of JSON.
enum class SealedColumn {
  kCredential,
  kClusterKey,
  kGrafanaPassword,
  kOptions,
  kTls,
  kPending,
  kFormerKey,
  kMigrationConfig,
  kCopy,
  kStepPayload,
  kStepResult,
};
// As "table.column".
std::string NameOf(SealedColumn column);
const std::vector<SealedColumn>& SealedColumns();
// Names of the fields of a step's JSON that are sealed: all of dmgr.plan.v1 that have bytes, but
// for those of a cluster's backup (backup.proto), which is no step's and is sealed as a whole.
const std::vector<std::string>& SealedFields();

struct SealedRow {
  SealedColumn column = SealedColumn::kCredential;
  // The machine's id, the cluster's uuid, the last audit_id of a former key, "OPERATION STEP", or
  // "CLUSTER_UUID KIND NAME REVISION" of a migration's configuration.
  std::string owner;
  // Of a step.
  std::string operation_id;
  std::string cluster_uuid;
  // The sealed values, never empty ones; of a step's JSON in the order of its fields.
  std::vector<std::string> sealed;
  // Of a step.
  std::string json;
};

struct SealedPart {
  std::vector<SealedRow> rows;
  // To be given for the next part; empty: this is the last one.
  std::string next;
};
// Some rows that hold anything sealed, in an order of their own. after: SealedPart.next, or empty.
// They are locked.
absl::StatusOr<SealedPart> ReadSealed(Transaction& tx, SealedColumn column,
                                      const std::string& after, int most);
// Replaces the row's values by as many others.
absl::Status WriteSealed(Transaction& tx, const SealedRow& row,
                         const std::vector<std::string>& sealed);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_SEALED_STORE_H_
