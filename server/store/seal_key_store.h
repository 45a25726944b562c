// Table "seal_key": which master key the sealed values of this database need.
#ifndef DMGR_SERVER_STORE_SEAL_KEY_STORE_H_
#define DMGR_SERVER_STORE_SEAL_KEY_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/database.h"

namespace dmgr::store {

struct SealKeyRecord {
  // As SecretBox::Id tells it.
  std::string key_id;
  // A text that is known, sealed with the key.
  std::string canary;
  // The same of the key that takes its place, while it does; else empty.
  std::string next_key_id{};
  std::string next_canary{};
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
// The same without keeping others from it.
absl::StatusOr<std::optional<SealKeyRecord>> GetSealKey(Transaction& tx);
// There must be none.
absl::Status InsertSealKey(Transaction& tx, const SealKeyRecord& record);
// There must be one.
absl::Status UpdateSealKey(Transaction& tx, const SealKeyRecord& record);

// A key that was in use: by it audit records were chained, from that after the former one's last.
struct FormerKey {
  std::int64_t last_audit_id = 0;
  std::string key_id;
  // SecretBox::FingerprintKey; empty: it is lost.
  std::string sealed_fingerprint_key;
};
// In the order of their use.
absl::StatusOr<std::vector<FormerKey>> ListFormerKeys(Transaction& tx);
absl::Status InsertFormerKey(Transaction& tx, const FormerKey& key);

// What became of a database whose key is lost.
struct Forgotten {
  // Machines and clusters that had anything sealed.
  std::vector<std::string> machines;
  std::vector<std::string> clusters;
};
// Empties all that is sealed, but for what steps hold; a configuration that awaits a reload goes.
absl::StatusOr<Forgotten> ForgetSealed(Transaction& tx);
// Any one; nullopt when nothing is sealed.
absl::StatusOr<std::optional<SealedValue>> AnySealedValue(Transaction& tx);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_SEAL_KEY_STORE_H_
