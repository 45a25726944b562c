#include "server/accounts/sessions.h"

#include <filesystem>
#include <system_error>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/accounts/first_admin.h"
#include "server/accounts/users.h"
#include "server/auth/passwords.h"
#include "server/auth/tokens.h"
#include "server/store/user_store.h"

namespace dmgr::accounts {
namespace {

// A new session of the user, in the store and as the caller gets it.
absl::StatusOr<v1::Session> Open(store::Transaction& tx, const std::string& user,
                                 absl::Duration lifetime) {
  v1::Session session;
  session.set_token(auth::NewToken());
  const absl::Time expire = absl::Now() + lifetime;
  session.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(expire));
  RETURN_IF_ERROR(store::PruneSessions(tx));
  RETURN_IF_ERROR(store::InsertSession(tx, {auth::HashToken(session.token()), user, expire}));
  return session;
}

}  // namespace

absl::Status LoginRefused() {
  return Error(absl::StatusCode::kUnauthenticated, "LOGIN_REFUSED", "wrong user or password")
      .Remedy("check both; an admin can set a new password, or let a disabled user in again");
}

absl::StatusOr<Session> Sessions::Find(const std::string& token) {
  Session session;
  session.token_hash = auth::HashToken(token);
  RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto live, store::FindSession(tx, session.token_hash));
    session.user = live.user;
    session.expire_time = live.expire_time;
    return absl::OkStatus();
  }));
  return session;
}

absl::StatusOr<v1::User> Sessions::CheckPassword(const std::string& user,
                                                 const std::string& password) {
  store::UserRecord record;
  const absl::Status found = database_->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetUser(tx, user));
    return absl::OkStatus();
  });
  if (!found.ok() && !absl::IsNotFound(found)) return found;
  // An unknown user costs the same time as a wrong password.
  ASSIGN_OR_RETURN(
      const bool right,
      hashing_->Verify(password, found.ok() ? record.password_hash : auth::UnknownUserHash()));
  if (!right || !found.ok() || record.user.disabled()) return LoginRefused();
  return record.user;
}

absl::StatusOr<v1::LoginResponse> Sessions::LogIn(const v1::LoginRequest& request) {
  v1::LoginResponse response;
  if (request.new_password().empty()) {
    ASSIGN_OR_RETURN(*response.mutable_user(),
                     CheckPassword(request.user_name(), request.password()));
  } else {
    RETURN_IF_ERROR(CheckUserName(request.user_name()));
    // Whoever has no secret costs no hash.
    RETURN_IF_ERROR(CheckBootstrapSecret(database_, request.password()));
    ASSIGN_OR_RETURN(const std::string hash, hashing_->Hash(request.new_password()));
    ASSIGN_OR_RETURN(*response.mutable_user(), RedeemBootstrapSecret(database_, request.password(),
                                                                     request.user_name(), hash));
    std::error_code ignored;  // It is worth nothing any more.
    std::filesystem::remove(first_secret_file_, ignored);
  }
  RETURN_IF_ERROR(database_->Transact([&](store::Transaction& tx) -> absl::Status {
    // Whoever was disabled since gets none.
    ASSIGN_OR_RETURN(const auto record, store::LockUser(tx, request.user_name()));
    if (record.user.disabled()) return LoginRefused();
    ASSIGN_OR_RETURN(*response.mutable_session(), Open(tx, request.user_name(), token_lifetime_));
    return absl::OkStatus();
  }));
  return response;
}

absl::Status Sessions::LogOut(const Session& session) {
  return database_->Transact(
      [&](store::Transaction& tx) { return store::DeleteSession(tx, session.token_hash); });
}

absl::StatusOr<v1::Session> Sessions::Refresh(const Session& session) {
  v1::Session fresh;
  RETURN_IF_ERROR(database_->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(fresh, Open(tx, session.user.name(), token_lifetime_));
    return store::DeleteSession(tx, session.token_hash);
  }));
  return fresh;
}

absl::Status Sessions::ChangePassword(const Session& session,
                                      const v1::ChangePasswordRequest& request,
                                      const store::Finish& finish) {
  const std::string& name = session.user.name();
  RETURN_IF_ERROR(CheckPassword(name, request.old_password()).status());
  ASSIGN_OR_RETURN(const std::string hash, hashing_->Hash(request.new_password()));
  return database_->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::SetPasswordHash(tx, name, hash));
    RETURN_IF_ERROR(store::DeleteOtherSessions(tx, name, session.token_hash));
    return finish(tx, v1::ChangePasswordResponse());
  });
}

}  // namespace dmgr::accounts
