#include "server/rpc/auth_service.h"

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/auth/passwords.h"
#include "server/auth/tokens.h"
#include "server/store/user_store.h"
#include "server/topology/topology.h"

namespace dmgr::rpc {
namespace {

absl::Status LoginRefused() {
  return Error(absl::StatusCode::kUnauthenticated, "LOGIN_REFUSED", "wrong user or password")
      .Remedy("check both; an admin can set a new password");
}

absl::Status InsertAdmin(store::Transaction& tx, const std::string& name, const std::string& hash) {
  store::UserRecord record;
  record.user.set_name(name);
  record.user.set_role(v1::ROLE_ADMIN);
  record.password_hash = hash;
  return store::InsertUser(tx, record);
}

}  // namespace

absl::Status CheckUserName(const std::string& name) {
  if (topology::IsClusterName(name)) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "user name {} is not 1 to 64 of letters, digits and . _ -", name)
      .Field("user_name", "must be 1 to 64 of letters, digits and . _ -");
}

absl::StatusOr<v1::User> AuthServiceImpl::CheckPassword(const std::string& user,
                                                        const std::string& password) {
  store::UserRecord record;
  const absl::Status found = database_->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetUser(tx, user));
    return absl::OkStatus();
  });
  if (!found.ok() && !absl::IsNotFound(found)) return found;
  // An unknown user costs the same time as a wrong password.
  hashing_.acquire();
  const bool right =
      auth::VerifyPassword(password, found.ok() ? record.password_hash : auth::UnknownUserHash());
  hashing_.release();
  if (!right || !found.ok()) return LoginRefused();
  return record.user;
}

absl::StatusOr<v1::User> AuthServiceImpl::FirstAdmin(const v1::LoginRequest& request) {
  RETURN_IF_ERROR(CheckUserName(request.user_name()));
  ASSIGN_OR_RETURN(std::string hash, auth::HashPassword(request.new_password()));
  store::UserRecord record;
  RETURN_IF_ERROR(database_->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(auto expected, store::GetBootstrapHash(tx));
    if (!expected.has_value() || *expected != auth::HashToken(request.password())) {
      return LoginRefused();
    }
    RETURN_IF_ERROR(InsertAdmin(tx, request.user_name(), hash));
    RETURN_IF_ERROR(store::SetBootstrapHash(tx, std::nullopt));
    ASSIGN_OR_RETURN(record, store::GetUser(tx, request.user_name()));
    return absl::OkStatus();
  }));
  return record.user;
}

absl::Status AuthServiceImpl::OpenSession(const v1::User& user, v1::Session* session) {
  const std::string token = auth::NewToken();
  const absl::Time expire = absl::Now() + token_lifetime_;
  RETURN_IF_ERROR(database_->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::PruneSessions(tx));
    return store::InsertSession(tx, {auth::HashToken(token), user.name(), expire});
  }));
  session->set_token(token);
  session->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(expire));
  return absl::OkStatus();
}

grpc::Status AuthServiceImpl::Login(grpc::ServerContext* context, const v1::LoginRequest* request,
                                    v1::LoginResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit* audit) -> absl::Status {
    audit->user_name = request->user_name();
    audit->target = request->user_name();
    auto user = request->new_password().empty()
                    ? CheckPassword(request->user_name(), request->password())
                    : FirstAdmin(*request);
    RETURN_IF_ERROR(user.status());
    *response->mutable_user() = *user;
    return OpenSession(*user, response->mutable_session());
  });
}

grpc::Status AuthServiceImpl::Logout(grpc::ServerContext* context, const v1::LogoutRequest* request,
                                     v1::LogoutResponse*) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit* audit) {
    audit->target = session.user.name();
    return database_->Transact(
        [&](store::Transaction& tx) { return store::DeleteSession(tx, session.token_hash); });
  });
}

grpc::Status AuthServiceImpl::RefreshToken(grpc::ServerContext* context,
                                           const v1::RefreshTokenRequest* request,
                                           v1::RefreshTokenResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit* audit) -> absl::Status {
    audit->target = session.user.name();
    RETURN_IF_ERROR(OpenSession(session.user, response->mutable_session()));
    return database_->Transact(
        [&](store::Transaction& tx) { return store::DeleteSession(tx, session.token_hash); });
  });
}

grpc::Status AuthServiceImpl::WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest* request,
                                     v1::WhoAmIResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) {
    *response->mutable_user() = session.user;
    response->mutable_expire_time()->set_seconds(absl::ToUnixSeconds(session.expire_time));
    return absl::OkStatus();
  });
}

grpc::Status AuthServiceImpl::ChangePassword(grpc::ServerContext* context,
                                             const v1::ChangePasswordRequest* request,
                                             v1::ChangePasswordResponse*) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit* audit) -> absl::Status {
    audit->target = session.user.name();
    RETURN_IF_ERROR(CheckPassword(session.user.name(), request->old_password()).status());
    ASSIGN_OR_RETURN(std::string hash, auth::HashPassword(request->new_password()));
    return database_->Transact([&](store::Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(store::SetPasswordHash(tx, session.user.name(), hash));
      return store::DeleteOtherSessions(tx, session.user.name(), session.token_hash);
    });
  });
}

absl::StatusOr<std::string> MakeBootstrapSecret(store::Database* database, bool renew) {
  std::string secret;
  RETURN_IF_ERROR(database->Transact([&](store::Transaction& tx) -> absl::Status {
    secret.clear();
    ASSIGN_OR_RETURN(int users, store::CountUsers(tx));
    ASSIGN_OR_RETURN(auto existing, store::GetBootstrapHash(tx));
    if (users > 0 || (existing.has_value() && !renew)) return absl::OkStatus();
    secret = auth::NewToken();
    return store::SetBootstrapHash(tx, auth::HashToken(secret));
  }));
  return secret;
}

absl::Status CreateFirstAdmin(store::Database* database, const std::string& name,
                              const std::string& password) {
  RETURN_IF_ERROR(CheckUserName(name));
  ASSIGN_OR_RETURN(std::string hash, auth::HashPassword(password));
  return database->Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(int users, store::CountUsers(tx));
    if (users > 0) {
      return Error(absl::StatusCode::kFailedPrecondition, "USERS_EXIST",
                   "there are users already; {} was not created", name)
          .Remedy("log in as an admin");
    }
    RETURN_IF_ERROR(InsertAdmin(tx, name, hash));
    return store::SetBootstrapHash(tx, std::nullopt);
  });
}

}  // namespace dmgr::rpc
