#include "server/accounts/sessions.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "server/accounts/first_admin.h"
#include "server/accounts/users.h"
#include "server/auth/passwords.h"
#include "server/auth/tokens.h"
#include "server/store/token_store.h"
#include "server/store/user_store.h"

namespace dmgr::accounts {
namespace {

v1::Session ToApi(const std::string& token, const store::SessionEnds& ends) {
  v1::Session session;
  session.set_token(token);
  session.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(ends.expire_time));
  session.mutable_idle_expire_time()->set_seconds(absl::ToUnixSeconds(ends.idle_time));
  return session;
}

}  // namespace

absl::Status LoginRefused() {
  return Error(absl::StatusCode::kUnauthenticated, "LOGIN_REFUSED", "wrong user or password")
      .Remedy("check both; an admin can set a new password, or let a disabled user in again");
}

absl::StatusOr<store::LiveCaller> Sessions::Load(const std::string& token) {
  const bool is_api_token = auth::IsApiToken(token);
  const std::optional<std::string> session_id = auth::SessionIdOf(token);
  if (!is_api_token && !session_id.has_value()) {
    return Error(absl::StatusCode::kUnauthenticated, "TOKEN_UNKNOWN",
                 "the token is none of dmgrd's")
        .Remedy("log in, and send the token as it was given")
        .Next(v1::ACTION_LOGIN);
  }
  store::LiveCaller caller;
  const std::string hash = auth::HashToken(token);
  const absl::Status found = database_->Read([&](store::Transaction& tx) -> absl::Status {
    if (is_api_token) {
      ASSIGN_OR_RETURN(caller, store::FindToken(tx, hash));
    } else {
      ASSIGN_OR_RETURN(caller, store::FindSession(tx, *session_id, hash, limits_));
    }
    return absl::OkStatus();
  });
  if (session_id.has_value()) RETURN_IF_ERROR(EndReused(*session_id, found));
  RETURN_IF_ERROR(found);
  return caller;
}

absl::StatusOr<Session> Sessions::Find(const std::string& token) {
  ASSIGN_OR_RETURN(store::LiveCaller caller, Load(token));
  if (caller.is_stale) {
    // What is not recorded now is recorded with the next call.
    database_
        ->Transact([&](store::Transaction& tx) {
          return caller.token.has_value() ? store::TouchToken(tx, caller.key.id)
                                          : store::TouchSession(tx, caller.key.id, limits_);
        })
        .IgnoreError();
  }
  Session session;
  session.rights = caller.token.has_value()
                       ? auth::Rights(RolesOf(caller.user), RolesOf(*caller.token))
                       : auth::Rights(RolesOf(caller.user));
  session.user = std::move(caller.user);
  session.api_token = std::move(caller.token);
  session.key = std::move(caller.key);
  session.token = token;
  session.expire_time = caller.expire_time;
  return session;
}

absl::StatusOr<Session> Sessions::Find(const Certificate& certificate) {
  store::LiveCaller caller;
  RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(caller,
                     store::FindByCertificate(tx, certificate.user, certificate.expire_time));
    return absl::OkStatus();
  }));
  Session session;
  session.rights = auth::Rights(RolesOf(caller.user));
  session.user = std::move(caller.user);
  session.certificate = certificate;
  session.key = std::move(caller.key);
  session.expire_time = caller.expire_time;
  return session;
}

absl::Status Sessions::EndReused(const std::string& session_id, const absl::Status& reused) {
  if (Reason(reused) != "TOKEN_REUSED") return absl::OkStatus();
  RETURN_IF_ERROR(database_->Transact(
      [&](store::Transaction& tx) { return store::DeleteSession(tx, session_id); }));
  return reused;
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
    const std::string token = auth::NewSessionToken();
    ASSIGN_OR_RETURN(
        const auto ends,
        store::OpenSession(
            tx, {*auth::SessionIdOf(token), auth::HashToken(token), request.user_name()}, limits_));
    *response.mutable_session() = ToApi(token, ends);
    return absl::OkStatus();
  }));
  return response;
}

absl::Status Sessions::LogOut(const Session& session) {
  return database_->Transact(
      [&](store::Transaction& tx) { return store::DeleteSession(tx, session.key.id); });
}

absl::StatusOr<v1::Session> Sessions::Refresh(const Session& session) {
  const std::string token = auth::NewSessionToken(session.token);
  const store::SessionRecord old = {session.key.id, auth::HashToken(session.token),
                                    session.user.name()};
  store::SessionEnds ends;
  const absl::Status replaced = database_->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(ends, store::ReplaceToken(tx, old, auth::HashToken(token), limits_));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(EndReused(session.key.id, replaced));
  RETURN_IF_ERROR(replaced);
  return ToApi(token, ends);
}

absl::Status Sessions::ChangePassword(const Session& session,
                                      const v1::ChangePasswordRequest& request,
                                      const store::Finish& finish) {
  const std::string& name = session.user.name();
  RETURN_IF_ERROR(CheckPassword(name, request.old_password()).status());
  ASSIGN_OR_RETURN(const std::string hash, hashing_->Hash(request.new_password()));
  return database_->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::SetPasswordHash(tx, name, hash));
    RETURN_IF_ERROR(store::DeleteOtherSessions(tx, name, session.key.id));
    if (request.revoke_api_tokens()) RETURN_IF_ERROR(store::DeleteTokensOf(tx, name));
    ASSIGN_OR_RETURN(const auto tokens, store::LiveTokensOf(tx, name));
    v1::ChangePasswordResponse response;
    response.mutable_api_tokens()->Assign(tokens.begin(), tokens.end());
    return finish(tx, response);
  });
}

absl::StatusOr<Forgotten> Sessions::Prune() {
  Forgotten forgotten;
  RETURN_IF_ERROR(database_->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(forgotten.sessions, store::PruneSessions(tx));
    ASSIGN_OR_RETURN(forgotten.tokens, store::PruneTokens(tx));
    return absl::OkStatus();
  }));
  return forgotten;
}

}  // namespace dmgr::accounts
