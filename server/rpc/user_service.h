// UserService.
#ifndef DMGR_SERVER_RPC_USER_SERVICE_H_
#define DMGR_SERVER_RPC_USER_SERVICE_H_

#include "dmgr/v1/user_service.grpc.pb.h"
#include "server/accounts/users.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class UserServiceImpl final : public v1::UserService::Service {
 public:
  UserServiceImpl(Guard* guard, store::Database* database, accounts::Users* users)
      : guard_(guard), database_(database), users_(users) {}

  grpc::Status CreateUser(grpc::ServerContext* context, const v1::CreateUserRequest* request,
                          v1::CreateUserResponse* response) override;
  grpc::Status GetUser(grpc::ServerContext* context, const v1::GetUserRequest* request,
                       v1::GetUserResponse* response) override;
  grpc::Status ListUsers(grpc::ServerContext* context, const v1::ListUsersRequest* request,
                         v1::ListUsersResponse* response) override;
  grpc::Status UpdateUser(grpc::ServerContext* context, const v1::UpdateUserRequest* request,
                          v1::UpdateUserResponse* response) override;
  grpc::Status ResetPassword(grpc::ServerContext* context, const v1::ResetPasswordRequest* request,
                             v1::ResetPasswordResponse* response) override;
  grpc::Status DeleteUser(grpc::ServerContext* context, const v1::DeleteUserRequest* request,
                          v1::DeleteUserResponse* response) override;

 private:
  Guard* guard_;
  store::Database* database_;
  accounts::Users* users_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_USER_SERVICE_H_
