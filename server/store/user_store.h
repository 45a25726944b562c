// Tables "user", "bootstrap_secret" and "audit_log".
#ifndef DMGR_SERVER_STORE_USER_STORE_H_
#define DMGR_SERVER_STORE_USER_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/user_service.pb.h"
#include "server/store/database.h"

namespace dmgr::store {

struct UserRecord {
  v1::User user;
  // argon2id, as libsodium writes it.
  std::string password_hash;
};

absl::StatusOr<int> CountUsers(Transaction& tx);
absl::Status InsertUser(Transaction& tx, const UserRecord& record);
absl::StatusOr<UserRecord> GetUser(Transaction& tx, const std::string& name);
// The same; until the transaction ends nobody else changes the user.
absl::StatusOr<UserRecord> LockUser(Transaction& tx, const std::string& name);
// Role, grants and whether it is disabled. NOT_FOUND; FAILED_PRECONDITION with reason LAST_ADMIN
// when no admin would be left who may log in.
absl::Status UpdateUser(Transaction& tx, const v1::User& user);
absl::Status SetPasswordHash(Transaction& tx, const std::string& name, const std::string& hash);

// The hash of the first start's secret; nullopt when there is none (any more), or it is an hour
// old.
absl::StatusOr<std::optional<std::string>> GetBootstrapHash(Transaction& tx);
// Replaces it; nullopt removes it.
absl::Status SetBootstrapHash(Transaction& tx, const std::optional<std::string>& hash);

// By name, after a name.
absl::StatusOr<std::vector<v1::User>> ListUsers(Transaction& tx, const std::string& after,
                                                int limit);
// With its sessions and API tokens. NOT_FOUND; FAILED_PRECONDITION with reason LAST_ADMIN, as
// UpdateUser.
absl::Status DeleteUser(Transaction& tx, const std::string& name);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_USER_STORE_H_
