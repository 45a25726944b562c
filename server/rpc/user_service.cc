#include "server/rpc/user_service.h"

#include "common/error.h"
#include "server/rpc/pages.h"
#include "server/store/user_store.h"

namespace dmgr::rpc {

grpc::Status UserServiceImpl::CreateUser(grpc::ServerContext* context,
                                         const v1::CreateUserRequest* request,
                                         v1::CreateUserResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session&, Audit* audit, const store::Finish& finish) {
                             audit->target = request->user().name();
                             return users_->Create(*request, finish, response);
                           });
}

grpc::Status UserServiceImpl::GetUser(grpc::ServerContext* context,
                                      const v1::GetUserRequest* request,
                                      v1::GetUserResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) {
    return database_->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const auto record, store::GetUser(tx, request->user_name()));
      *response->mutable_user() = record.user;
      return absl::OkStatus();
    });
  });
}

grpc::Status UserServiceImpl::ListUsers(grpc::ServerContext* context,
                                        const v1::ListUsersRequest* request,
                                        v1::ListUsersResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string after, PageKey(request->page_token()));
    std::vector<v1::User> users;
    RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(users, store::ListUsers(tx, after, size + 1));
      return absl::OkStatus();
    }));
    FillPage(
        users, size,
        [&](const v1::User& user) {
          *response->add_users() = user;
          return user.name();
        },
        response);
    return absl::OkStatus();
  });
}

grpc::Status UserServiceImpl::UpdateUser(grpc::ServerContext* context,
                                         const v1::UpdateUserRequest* request,
                                         v1::UpdateUserResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session&, Audit* audit, const store::Finish& finish) {
                             audit->target = request->user().name();
                             return users_->Update(*request, finish, response);
                           });
}

grpc::Status UserServiceImpl::ResetPassword(grpc::ServerContext* context,
                                            const v1::ResetPasswordRequest* request,
                                            v1::ResetPasswordResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session&, Audit* audit, const store::Finish& finish) {
                             audit->target = request->user_name();
                             return users_->ResetPassword(*request, finish);
                           });
}

grpc::Status UserServiceImpl::DeleteUser(grpc::ServerContext* context,
                                         const v1::DeleteUserRequest* request,
                                         v1::DeleteUserResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session&, Audit* audit, const store::Finish& finish) {
                             audit->target = request->user_name();
                             return users_->Delete(*request, finish);
                           });
}

}  // namespace dmgr::rpc
