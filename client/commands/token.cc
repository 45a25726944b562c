// token create, list, revoke.
#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/roles.h"
#include "client/commands/when.h"
#include "dmgr/v1/token_service.pb.h"

namespace dmgr::client {
namespace {

struct TokenOptions {
  ChangeOptions change;
  RoleOptions roles;
  std::string name;
  std::string user;
  std::string ttl;
  bool all = false;
};

std::shared_ptr<TokenOptions> DeclareToken(const Syntax& syntax) {
  auto options = std::make_shared<TokenOptions>();
  syntax.Add("NAME", &options->name, "name of the token").Required();
  syntax.Add("--user", &options->user, "whose it is (yours)");
  return options;
}

absl::StatusOr<ExitCode> Create(Environment& environment, const TokenOptions& options) {
  v1::CreateTokenRequest request;
  request.mutable_token()->set_name(options.name);
  request.mutable_token()->set_user_name(options.user);
  RETURN_IF_ERROR(SetRoles(options.roles, request.mutable_token()));
  if (!options.ttl.empty()) {
    ASSIGN_OR_RETURN(const absl::Duration ttl, ParseSpan(options.ttl));
    request.mutable_ttl()->set_seconds(absl::ToInt64Seconds(ttl));
  }
  ASSIGN_OR_RETURN(const auto response,
                   Make<v1::CreateTokenResponse>(environment, options.change, request));
  if (options.change.dry_run) return Tell(environment, options.change, response, "");
  if (environment.structured()) {
    environment.PrintStructured(response);
    return kDone;
  }
  // Alone on standard output, for a file or a variable.
  environment.terminal->out() << response.secret() << "\n";
  v1::ListTokensResponse made;
  *made.add_tokens() = response.token();
  environment.terminal->err() << ToTable(made)
                              << "the token is shown this once: DMGR_TOKEN, or a file that "
                                 "DMGR_TOKEN_FILE names, has dmgrctl use it\n";
  return kDone;
}

Run DeclareCreate(const Syntax& syntax) {
  auto options = DeclareToken(syntax);
  DeclareRoles(syntax, &options->roles).Required();
  syntax.Add("--ttl", &options->ttl, "until it expires, such as 30d (90d)").Span();
  DeclareDryRun(syntax, &options->change);
  return [options](Environment& environment) { return Create(environment, *options); };
}

Run DeclareList(const Syntax& syntax) {
  auto options = std::make_shared<TokenOptions>();
  const Option user = syntax.Add("--user", &options->user, "whose (yours)");
  syntax.Flag("--all", &options->all, "everybody's").Excludes(user);
  return [options](Environment& environment) {
    v1::ListTokensRequest request;
    request.set_user_name(options->all ? "-" : options->user);
    return environment.ShowAll<v1::ListTokensResponse>(request);
  };
}

Run DeclareRevoke(const Syntax& syntax) {
  auto options = DeclareToken(syntax);
  DeclareAsked(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const bool sure, IsSure(environment, options->change,
                                             "Revoke API token " + options->name + "?"));
    if (!sure) return kRefused;
    v1::DeleteTokenRequest request;
    request.set_user_name(options->user);
    request.set_token_name(options->name);
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::DeleteTokenResponse>(environment, options->change, request));
    return Tell(environment, options->change, response, "revoked API token " + options->name);
  };
}

}  // namespace

std::vector<Command> TokenCommands() {
  return {
      {"token create", "make an API token for a service, and show it once",
       "dmgrctl token create backups --role viewer --cluster demo --ttl 30d", DeclareCreate},
      {"token list", "list API tokens, and when each was used last", "dmgrctl token list",
       DeclareList},
      {"token revoke", "end an API token", "dmgrctl token revoke backups --yes", DeclareRevoke}};
}

}  // namespace dmgr::client
