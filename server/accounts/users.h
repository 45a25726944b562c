// Users, as admins manage them. Each call that changes something checks everything, and ends its
// transaction with finish.
#ifndef DMGR_SERVER_ACCOUNTS_USERS_H_
#define DMGR_SERVER_ACCOUNTS_USERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/user_service.pb.h"
#include "server/accounts/hashing.h"
#include "server/store/database.h"
#include "server/store/request_store.h"

namespace dmgr::accounts {

// INVALID_ARGUMENT for a name that no user may have.
absl::Status CheckUserName(const std::string& name);
using Grants = google::protobuf::RepeatedPtrField<v1::Grant>;
// INVALID_ARGUMENT for roles that nobody may have, or none. whose: "user", the field of the
// request.
absl::Status CheckRoles(const std::string& whose, v1::Role role, const Grants& grants);

// Thread-safe. What it is given must outlive it.
class Users {
 public:
  Users(store::Database* database, Hashing* hashing) : database_(database), hashing_(hashing) {}

  // ALREADY_EXISTS.
  absl::Status Create(const v1::CreateUserRequest& request, const store::Finish& finish,
                      v1::CreateUserResponse* response);
  // NOT_FOUND; FAILED_PRECONDITION with reason LAST_ADMIN. Ends all sessions of who is disabled.
  absl::Status Update(const v1::UpdateUserRequest& request, const store::Finish& finish,
                      v1::UpdateUserResponse* response);
  // NOT_FOUND. Ends all sessions of the user.
  absl::Status ResetPassword(const v1::ResetPasswordRequest& request, const store::Finish& finish);
  // NOT_FOUND; FAILED_PRECONDITION with reason LAST_ADMIN.
  absl::Status Delete(const v1::DeleteUserRequest& request, const store::Finish& finish);

 private:
  store::Database* database_;
  Hashing* hashing_;
};

}  // namespace dmgr::accounts

#endif  // DMGR_SERVER_ACCOUNTS_USERS_H_
