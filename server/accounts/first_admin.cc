#include "server/accounts/first_admin.h"

#include <optional>

#include "common/error.h"
#include "common/files.h"
#include "server/accounts/sessions.h"
#include "server/accounts/users.h"
#include "server/auth/passwords.h"
#include "server/auth/tokens.h"
#include "server/store/user_store.h"

namespace dmgr::accounts {
namespace {

absl::Status InsertAdmin(store::Transaction& tx, const std::string& name, const std::string& hash) {
  store::UserRecord record;
  record.user.set_name(name);
  record.user.set_role(v1::ROLE_ADMIN);
  record.password_hash = hash;
  return store::InsertUser(tx, record);
}

absl::Status CheckSecret(store::Transaction& tx, const std::string& secret) {
  ASSIGN_OR_RETURN(const auto expected, store::GetBootstrapHash(tx));
  return expected == auth::HashToken(secret) ? absl::OkStatus() : LoginRefused();
}

}  // namespace

absl::StatusOr<bool> MakeBootstrapSecret(store::Database* database, const std::string& file,
                                         bool renew) {
  bool made = false;
  RETURN_IF_ERROR(database->Transact([&](store::Transaction& tx) -> absl::Status {
    made = false;
    ASSIGN_OR_RETURN(const int users, store::CountUsers(tx));
    ASSIGN_OR_RETURN(const auto existing, store::GetBootstrapHash(tx));
    if (users > 0 || (existing.has_value() && !renew)) return absl::OkStatus();
    const std::string secret = auth::NewToken();
    RETURN_IF_ERROR(store::SetBootstrapHash(tx, auth::HashToken(secret)));
    made = true;
    return WriteFileAtomically(file, secret + "\n", 0600);
  }));
  return made;
}

absl::Status CreateFirstAdmin(store::Database* database, const std::string& name,
                              const std::string& password) {
  RETURN_IF_ERROR(CheckUserName(name));
  ASSIGN_OR_RETURN(const std::string hash, auth::HashPassword(password));
  return database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const int users, store::CountUsers(tx));
    if (users > 0) {
      return Error(absl::StatusCode::kFailedPrecondition, "USERS_EXIST",
                   "there are users already; {} was not created", name)
          .Remedy("log in as an admin")
          .Next(v1::ACTION_LOGIN);
    }
    RETURN_IF_ERROR(InsertAdmin(tx, name, hash));
    return store::SetBootstrapHash(tx, std::nullopt);
  });
}

absl::Status CheckBootstrapSecret(store::Database* database, const std::string& secret) {
  return database->Transact([&](store::Transaction& tx) { return CheckSecret(tx, secret); });
}

absl::StatusOr<v1::User> RedeemBootstrapSecret(store::Database* database, const std::string& secret,
                                               const std::string& name,
                                               const std::string& password_hash) {
  store::UserRecord record;
  RETURN_IF_ERROR(database->Transact([&](store::Transaction& tx) -> absl::Status {
    // It locks the secret: whoever comes second finds none.
    RETURN_IF_ERROR(CheckSecret(tx, secret));
    ASSIGN_OR_RETURN(const int users, store::CountUsers(tx));
    if (users > 0) return LoginRefused();
    RETURN_IF_ERROR(InsertAdmin(tx, name, password_hash));
    RETURN_IF_ERROR(store::SetBootstrapHash(tx, std::nullopt));
    ASSIGN_OR_RETURN(record, store::GetUser(tx, name));
    return absl::OkStatus();
  }));
  return record.user;
}

}  // namespace dmgr::accounts
