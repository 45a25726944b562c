// Table "seal_key": which master key the sealed values of this database need.
#ifndef DMGR_SERVER_STORE_SEAL_KEY_STORE_H_
#define DMGR_SERVER_STORE_SEAL_KEY_STORE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/database.h"

namespace dmgr::store {

struct SealKeyRecord {
  // As SecretBox::Id tells it.
  std::string key_id;
  // A text that is known, sealed with the key.
  std::string canary;
};

// One value that is sealed: a machine's credential or a cluster's private key.
struct SealedValue {
  enum class Of { kMachine, kCluster };
  Of of = Of::kMachine;
  // The machine's id or the cluster's uuid.
  std::string owner;
  std::string sealed;
};

// nullopt before there was a key. Until the transaction ends nobody else reads or sets it so.
absl::StatusOr<std::optional<SealKeyRecord>> LockSealKey(Transaction& tx);
// There must be none.
absl::Status InsertSealKey(Transaction& tx, const SealKeyRecord& record);
// Any one; nullopt when nothing is sealed.
absl::StatusOr<std::optional<SealedValue>> AnySealedValue(Transaction& tx);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_SEAL_KEY_STORE_H_
