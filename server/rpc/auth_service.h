// AuthService.
#ifndef DMGR_SERVER_RPC_AUTH_SERVICE_H_
#define DMGR_SERVER_RPC_AUTH_SERVICE_H_

#include "dmgr/v1/auth_service.grpc.pb.h"
#include "server/accounts/sessions.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class AuthServiceImpl final : public v1::AuthService::Service {
 public:
  AuthServiceImpl(Guard* guard, accounts::Sessions* sessions)
      : guard_(guard), sessions_(sessions) {}

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

 private:
  Guard* guard_;
  accounts::Sessions* sessions_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_AUTH_SERVICE_H_
