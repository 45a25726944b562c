// AuthService.
#ifndef DMGR_SERVER_RPC_AUTH_SERVICE_H_
#define DMGR_SERVER_RPC_AUTH_SERVICE_H_

#include <semaphore>
#include <string>

#include "absl/time/time.h"
#include "dmgr/v1/auth_service.grpc.pb.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class AuthServiceImpl final : public v1::AuthService::Service {
 public:
  AuthServiceImpl(Guard* guard, store::Database* database, absl::Duration token_lifetime)
      : guard_(guard), database_(database), token_lifetime_(token_lifetime) {}

  grpc::Status Login(grpc::ServerContext* context, const v1::LoginRequest* request,
                     v1::LoginResponse* response) override;
  grpc::Status Logout(grpc::ServerContext* context, const v1::LogoutRequest* request,
                      v1::LogoutResponse* response) override;
  grpc::Status RefreshToken(grpc::ServerContext* context, const v1::RefreshTokenRequest* request,
                            v1::RefreshTokenResponse* response) override;
  grpc::Status WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest* request,
                      v1::WhoAmIResponse* response) override;
  grpc::Status ChangePassword(grpc::ServerContext* context,
                              const v1::ChangePasswordRequest* request,
                              v1::ChangePasswordResponse* response) override;
  grpc::Status CreateUser(grpc::ServerContext* context, const v1::CreateUserRequest* request,
                          v1::CreateUserResponse* response) override;
  grpc::Status ListUsers(grpc::ServerContext* context, const v1::ListUsersRequest* request,
                         v1::ListUsersResponse* response) override;
  grpc::Status DeleteUser(grpc::ServerContext* context, const v1::DeleteUserRequest* request,
                          v1::DeleteUserResponse* response) override;
  grpc::Status ListAuditRecords(grpc::ServerContext* context,
                                const v1::ListAuditRecordsRequest* request,
                                v1::ListAuditRecordsResponse* response) override;

 private:
  absl::StatusOr<v1::User> CheckPassword(const std::string& user, const std::string& password);
  absl::StatusOr<v1::User> FirstAdmin(const v1::LoginRequest& request);
  absl::Status OpenSession(const v1::User& user, v1::Session* session);

  Guard* guard_;
  store::Database* database_;
  const absl::Duration token_lifetime_;
  // argon2id takes 64 MiB a time: guessing must not eat the memory.
  std::counting_semaphore<> hashing_{2};
};

// INVALID_ARGUMENT for a name that no user may have.
absl::Status CheckUserName(const std::string& name);

// The first start: when there is no user yet, stores the hash of a new one-time secret and returns
// the secret, which whoever logs in first exchanges for an admin. Empty when there are users, or a
// secret was given out before (renew replaces it).
absl::StatusOr<std::string> MakeBootstrapSecret(store::Database* database, bool renew);
// Makes the first admin at once. FAILED_PRECONDITION when there are users.
absl::Status CreateFirstAdmin(store::Database* database, const std::string& name,
                              const std::string& password);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_AUTH_SERVICE_H_
