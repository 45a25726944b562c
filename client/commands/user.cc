// user create, list, remove; audit list.
#include "client/commands/command.h"
#include "common/error.h"

namespace dmgr::client {
namespace {

constexpr int kListed = 50;

Run DeclareCreate(CLI::App* app) {
  auto name = std::make_shared<std::string>();
  auto role = std::make_shared<std::string>();
  app->add_option("NAME", *name, "name of the new user")->required();
  app->add_option("--role", *role, "what the user may do")
      ->required()
      ->check(CLI::IsMember({"viewer", "operator", "admin"}));
  return [name, role](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::CreateUserRequest request;
    request.mutable_user()->set_name(*name);
    request.mutable_user()->set_role(*role == "admin"      ? v1::ROLE_ADMIN
                                     : *role == "operator" ? v1::ROLE_OPERATOR
                                                           : v1::ROLE_VIEWER);
    ASSIGN_OR_RETURN(*request.mutable_password(),
                     environment.terminal->AskSecret("Password of " + *name));
    v1::CreateUserResponse response;
    Connection& connection = environment.connection();
    RETURN_IF_ERROR(connection.Call(connection.users(), &v1::UserService::Stub::CreateUser, request,
                                    &response));
    v1::ListUsersResponse shown;
    *shown.add_users() = response.user();
    environment.Print(shown);
    return kDone;
  };
}

// The whole list, page by page.
Run DeclareList(CLI::App*) {
  return [](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::ListUsersRequest request;
    v1::ListUsersResponse all;
    do {
      v1::ListUsersResponse page;
      RETURN_IF_ERROR(
          connection.Call(connection.users(), &v1::UserService::Stub::ListUsers, request, &page));
      request.set_page_token(page.next_page_token());
      all.mutable_users()->MergeFrom(page.users());
    } while (!request.page_token().empty());
    environment.Print(all);
    return kDone;
  };
}

Run DeclareRemove(CLI::App* app) {
  auto name = std::make_shared<std::string>();
  app->add_option("NAME", *name, "user")->required();
  return [name](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::DeleteUserRequest request;
    request.set_user_name(*name);
    v1::DeleteUserResponse response;
    Connection& connection = environment.connection();
    RETURN_IF_ERROR(connection.Call(connection.users(), &v1::UserService::Stub::DeleteUser, request,
                                    &response));
    environment.terminal->err() << "removed user " << *name << "\n";
    return kDone;
  };
}

Run DeclareAudit(CLI::App* app) {
  auto limit = std::make_shared<int>(kListed);
  app->add_option("--limit", *limit, "at most so many (50)")->check(CLI::Range(1, 1000));
  return [limit](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::ListAuditRecordsRequest request;
    request.set_page_size(*limit);
    v1::ListAuditRecordsResponse response;
    Connection& connection = environment.connection();
    RETURN_IF_ERROR(connection.Call(connection.audit(), &v1::AuditService::Stub::ListAuditRecords,
                                    request, &response));
    environment.Print(response);
    return kDone;
  };
}

}  // namespace

std::vector<Command> UserCommands() {
  return {{"user create", "let somebody in", "dmgrctl user create carol --role operator",
           DeclareCreate},
          {"user list", "list users", "dmgrctl user list", DeclareList},
          {"user remove", "remove a user and end the user's sessions", "dmgrctl user remove carol",
           DeclareRemove},
          {"audit list", "list calls that changed something, newest first",
           "dmgrctl audit list --limit 20", DeclareAudit}};
}

}  // namespace dmgr::client
