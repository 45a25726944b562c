// login, logout, whoami, passwd.
#include "client/commands/command.h"
#include "client/context/credentials.h"
#include "client/output/format.h"
#include "dmgr/v1/auth_service.pb.h"

namespace dmgr::client {
namespace {

struct LoginOptions {
  std::string user;
  bool first_secret = false;
  std::string first_secret_file;
};

// Never from the command line, which everybody on the machine can read.
absl::StatusOr<std::string> ReadFirstSecret(Environment& environment, const LoginOptions& options) {
  if (options.first_secret_file.empty()) return environment.terminal->AskSecret("First secret");
  ASSIGN_OR_RETURN(const std::string text, ReadInput(options.first_secret_file));
  return text.substr(0, text.find_first_of("\r\n"));
}

absl::StatusOr<ExitCode> Login(Environment& environment, LoginOptions options) {
  ASSIGN_OR_RETURN(const Target target, environment.target());
  // Nobody is asked for a password that could not be sent.
  RETURN_IF_ERROR(CheckSecrecy(target.server, !target.ca.empty()));
  if (options.user.empty()) options.user = target.user;
  if (options.user.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "NO_USER", "who logs in was not said")
        .Remedy("dmgrctl login --user NAME");
  }
  v1::LoginRequest request;
  request.set_user_name(options.user);
  if (!options.first_secret && options.first_secret_file.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_password(),
                     environment.terminal->AskSecret("Password of " + options.user));
  } else {
    ASSIGN_OR_RETURN(*request.mutable_password(), ReadFirstSecret(environment, options));
    ASSIGN_OR_RETURN(*request.mutable_new_password(),
                     environment.terminal->AskSecret("New password of " + options.user));
  }
  ASSIGN_OR_RETURN(const auto response, environment.Call<v1::LoginResponse>(request));
  RETURN_IF_ERROR(SaveToken(target, options.user, response.session().token()));
  if (environment.structured()) {
    v1::WhoAmIResponse me;
    *me.mutable_user() = response.user();
    *me.mutable_expire_time() = response.session().expire_time();
    environment.Print(me);
  }
  environment.terminal->err() << "logged in to " << environment.connection().address() << " as "
                              << response.user().name() << " until "
                              << LocalTime(response.session().expire_time()) << "\n";
  return kDone;
}

Run DeclareLogin(const Syntax& syntax) {
  auto options = std::make_shared<LoginOptions>();
  syntax.Add("-u,--user", &options->user, "user name (the context's)");
  const Option file = syntax.Add(
      "--first-secret-file", &options->first_secret_file,
      "file with the one-time secret, which the first start of dmgrd names: makes you the "
      "admin");
  syntax.Flag("--first-secret", &options->first_secret, "ask for that secret").Excludes(file);
  return [options](Environment& environment) { return Login(environment, *options); };
}

Run DeclareLogout(const Syntax&) {
  return [](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const Target target, environment.target());
    const absl::Status ended = environment.Call<v1::LogoutResponse>(v1::LogoutRequest()).status();
    RETURN_IF_ERROR(SaveToken(target, "", ""));
    // A session that is over already is what was asked for.
    if (!ended.ok() && !absl::IsUnauthenticated(ended)) return ended;
    return kDone;
  };
}

Run DeclareWhoAmI(const Syntax&) {
  return [](Environment& environment) {
    return environment.Show<v1::WhoAmIResponse>(v1::WhoAmIRequest());
  };
}

Run DeclarePasswd(const Syntax& syntax) {
  auto revokes = std::make_shared<bool>(false);
  syntax.Flag("--revoke-tokens", revokes.get(), "end your API tokens as well");
  return [revokes](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::ChangePasswordRequest request;
    request.set_revoke_api_tokens(*revokes);
    ASSIGN_OR_RETURN(*request.mutable_old_password(),
                     environment.terminal->AskSecret("Old password"));
    ASSIGN_OR_RETURN(*request.mutable_new_password(),
                     environment.terminal->AskSecret("New password"));
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::ChangePasswordResponse>(request));
    environment.terminal->err() << "changed; your other sessions have ended"
                                << LiveTokensText(response.api_tokens()) << "\n";
    return kDone;
  };
}

}  // namespace

std::vector<Command> LoginCommands() {
  return {
      {"login", "open a session and keep its token", "dmgrctl login --user admin", DeclareLogin},
      {"logout", "end the session", "dmgrctl logout", DeclareLogout},
      {"whoami", "show who you are", "dmgrctl whoami", DeclareWhoAmI},
      {"passwd", "change your password", "dmgrctl passwd", DeclarePasswd}};
}

}  // namespace dmgr::client
