// user create, list, show, update, reset-password, remove.
#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/roles.h"
#include "client/output/format.h"
#include "dmgr/v1/user_service.pb.h"

namespace dmgr::client {
namespace {

struct UserOptions {
  ChangeOptions change;
  std::string name;
  RoleOptions roles;
  bool disable = false;
  bool enable = false;
};

std::shared_ptr<UserOptions> DeclareUser(const Syntax& syntax) {
  auto options = std::make_shared<UserOptions>();
  syntax.Add("NAME", &options->name, "name of the user").Required();
  return options;
}

// The user of a change's answer, or that nothing was changed.
template <typename Response>
ExitCode ShowUser(Environment& environment, const ChangeOptions& change, const Response& response) {
  if (change.dry_run) return Tell(environment, change, response, "");
  v1::ListUsersResponse shown;
  *shown.add_users() = response.user();
  environment.Print(shown);
  return kDone;
}

Run DeclareCreate(const Syntax& syntax) {
  auto options = DeclareUser(syntax);
  DeclareRoles(syntax, &options->roles).Required();
  DeclareDryRun(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::CreateUserRequest request;
    request.mutable_user()->set_name(options->name);
    RETURN_IF_ERROR(SetRoles(options->roles, request.mutable_user()));
    ASSIGN_OR_RETURN(*request.mutable_password(),
                     environment.terminal->AskSecret("Password of " + options->name));
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::CreateUserResponse>(environment, options->change, request));
    return ShowUser(environment, options->change, response);
  };
}

Run DeclareList(const Syntax&) {
  return [](Environment& environment) {
    return environment.ShowAll<v1::ListUsersResponse>(v1::ListUsersRequest());
  };
}

Run DeclareShow(const Syntax& syntax) {
  auto options = DeclareUser(syntax);
  return [options](Environment& environment) {
    v1::GetUserRequest request;
    request.set_user_name(options->name);
    return environment.Show<v1::GetUserResponse>(request);
  };
}

// Nobody is let into all clusters by a word that was forgotten.
absl::Status CheckScopeIsMeant(Environment& environment, const UserOptions& options) {
  if (IsScoped(options.roles) || options.roles.all_clusters) return absl::OkStatus();
  v1::GetUserRequest get;
  get.set_user_name(options.name);
  ASSIGN_OR_RETURN(const auto before, environment.Call<v1::GetUserResponse>(get));
  if (before.user().grants().empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "SCOPE_UNCLEAR",
               "{} has roles for some clusters only, and for which --role is was not said",
               options.name)
      .Remedy("pass --cluster NAME or --label KEY=VALUE, or --all-clusters");
}

absl::StatusOr<ExitCode> Update(Environment& environment, const UserOptions& options) {
  v1::UpdateUserRequest request;
  request.mutable_user()->set_name(options.name);
  if (!options.roles.role.empty()) {
    RETURN_IF_ERROR(CheckScopeIsMeant(environment, options));
    request.mutable_update_mask()->add_paths("role");
    request.mutable_update_mask()->add_paths("grants");
  }
  RETURN_IF_ERROR(SetRoles(options.roles, request.mutable_user()));
  if (options.disable || options.enable) {
    request.mutable_user()->set_disabled(options.disable);
    request.mutable_update_mask()->add_paths("disabled");
  }
  if (request.update_mask().paths().empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "NOTHING_TO_CHANGE",
                 "what is to change of {} was not said", options.name)
        .Remedy("pass --role ROLE, --disable or --enable");
  }
  ASSIGN_OR_RETURN(const bool sure, IsSure(environment, options.change,
                                           options.disable ? "End the sessions of " + options.name +
                                                                 ", and let nobody log in?"
                                                           : "Change user " + options.name + "?"));
  if (!sure) return kRefused;
  ASSIGN_OR_RETURN(const auto response,
                   Make<v1::UpdateUserResponse>(environment, options.change, request));
  return ShowUser(environment, options.change, response);
}

Run DeclareUpdate(const Syntax& syntax) {
  auto options = DeclareUser(syntax);
  DeclareRoles(syntax, &options->roles);
  syntax.Flag("--all-clusters", &options->roles.all_clusters,
              "--role is for all clusters, and for what is of none");
  const Option disable =
      syntax.Flag("--disable", &options->disable, "end the user's sessions, and allow no login");
  syntax.Flag("--enable", &options->enable, "allow logins again").Excludes(disable);
  DeclareAsked(syntax, &options->change);
  return [options](Environment& environment) { return Update(environment, *options); };
}

Run DeclareResetPassword(const Syntax& syntax) {
  auto options = DeclareUser(syntax);
  auto revokes = std::make_shared<bool>(false);
  syntax.Flag("--revoke-tokens", revokes.get(), "end the user's API tokens as well");
  DeclareDryRun(syntax, &options->change);
  return [options, revokes](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::ResetPasswordRequest request;
    request.set_revoke_api_tokens(*revokes);
    request.set_user_name(options->name);
    ASSIGN_OR_RETURN(*request.mutable_new_password(),
                     environment.terminal->AskSecret("New password of " + options->name));
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::ResetPasswordResponse>(environment, options->change, request));
    return Tell(environment, options->change, response,
                "changed; the sessions of " + options->name + " have ended" +
                    LiveTokensText(response.api_tokens()));
  };
}

Run DeclareRemove(const Syntax& syntax) {
  auto options = DeclareUser(syntax);
  DeclareAsked(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const bool sure,
                     IsSure(environment, options->change, "Remove user " + options->name + "?"));
    if (!sure) return kRefused;
    v1::DeleteUserRequest request;
    request.set_user_name(options->name);
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::DeleteUserResponse>(environment, options->change, request));
    return Tell(environment, options->change, response, "removed user " + options->name);
  };
}

}  // namespace

std::vector<Command> UserCommands() {
  return {{"user create", "let somebody in", "dmgrctl user create carol --role operator",
           DeclareCreate},
          {"user list", "list users", "dmgrctl user list", DeclareList},
          {"user show", "show a user", "dmgrctl user show carol", DeclareShow},
          {"user update", "change what a user may do", "dmgrctl user update carol --role admin",
           DeclareUpdate},
          {"user reset-password", "set a user's password, and end the user's sessions",
           "dmgrctl user reset-password carol", DeclareResetPassword},
          {"user remove", "remove a user and end the user's sessions", "dmgrctl user remove carol",
           DeclareRemove}};
}

}  // namespace dmgr::client
