// Tables "user", "bootstrap_secret" and "audit_log".
#ifndef DMGR_SERVER_STORE_USER_STORE_H_
#define DMGR_SERVER_STORE_USER_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/audit_service.pb.h"
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

struct AuditRecord {
  std::string user_name;
  // As gRPC tells the peer, "ipv4:10.0.0.1:41234".
  std::string peer;
  // "dmgr.v1.ClusterService/DeployCluster".
  std::string method;
  // Cluster, machine, version or user that it was about.
  std::string target;
  // gRPC status code.
  int code = 0;
  std::string operation_id;
  // How many calls like this it stands for.
  std::int64_t calls = 1;
  // Of the API token that it came with, or empty.
  std::string token_name{};
};
// Texts that are too long for it are cut.
absl::Status InsertAudit(Transaction& tx, const AuditRecord& record);
// Newest first, those that match all that the request is set to (but for its page). before: the id
// of the last one seen; 0: from the newest.
absl::StatusOr<std::vector<v1::AuditRecord>> ListAudit(Transaction& tx,
                                                       const v1::ListAuditRecordsRequest& filter,
                                                       std::int64_t before, int limit);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_USER_STORE_H_
