// AuthService, the part for admins: users and the audit log.
#include <cstdlib>

#include "common/error.h"
#include "server/auth/passwords.h"
#include "server/rpc/auth_service.h"
#include "server/rpc/pages.h"
#include "server/store/user_store.h"

namespace dmgr::rpc {

grpc::Status AuthServiceImpl::CreateUser(grpc::ServerContext* context,
                                         const v1::CreateUserRequest* request,
                                         v1::CreateUserResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit* audit) -> absl::Status {
    const std::string& name = request->user().name();
    audit->target = name;
    RETURN_IF_ERROR(CheckUserName(name));
    if (!v1::Role_IsValid(request->user().role()) ||
        request->user().role() == v1::ROLE_UNSPECIFIED) {
      return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "user {} needs a role",
                   name)
          .Field("user.role", "must be ROLE_VIEWER, ROLE_OPERATOR or ROLE_ADMIN");
    }
    store::UserRecord record;
    record.user.set_name(name);
    record.user.set_role(request->user().role());
    hashing_.acquire();
    auto hash = auth::HashPassword(request->password());
    hashing_.release();
    RETURN_IF_ERROR(hash.status());
    record.password_hash = *std::move(hash);
    return database_->Transact([&](store::Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(store::InsertUser(tx, record));
      ASSIGN_OR_RETURN(const auto stored, store::GetUser(tx, name));
      *response->mutable_user() = stored.user;
      return absl::OkStatus();
    });
  });
}

grpc::Status AuthServiceImpl::ListUsers(grpc::ServerContext* context,
                                        const v1::ListUsersRequest* request,
                                        v1::ListUsersResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string after, PageKey(request->page_token()));
    std::vector<v1::User> users;
    RETURN_IF_ERROR(database_->Transact([&](store::Transaction& tx) -> absl::Status {
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

grpc::Status AuthServiceImpl::DeleteUser(grpc::ServerContext* context,
                                         const v1::DeleteUserRequest* request,
                                         v1::DeleteUserResponse*) {
  return guard_->Run(*context, *request, [&](const Session&, Audit* audit) {
    audit->target = request->user_name();
    return database_->Transact(
        [&](store::Transaction& tx) { return store::DeleteUser(tx, request->user_name()); });
  });
}

grpc::Status AuthServiceImpl::ListAuditRecords(grpc::ServerContext* context,
                                               const v1::ListAuditRecordsRequest* request,
                                               v1::ListAuditRecordsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string key, PageKey(request->page_token()));
    const std::int64_t before = key.empty() ? 0 : std::strtoll(key.c_str(), nullptr, 10);
    if (!key.empty() && before <= 0) return PageKey("?").status();
    std::vector<v1::AuditRecord> records;
    RETURN_IF_ERROR(database_->Transact([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(records, store::ListAudit(tx, before, size + 1));
      return absl::OkStatus();
    }));
    FillPage(
        records, size,
        [&](const v1::AuditRecord& record) {
          *response->add_records() = record;
          return std::to_string(record.audit_id());
        },
        response);
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc
