// API tokens: what services call with.
#include <set>

#include "common/files.h"
#include "dmgr/v1/audit_service.pb.h"
#include "dmgr/v1/token_service.pb.h"
#include "tests/rpc/calls.h"

namespace dmgr::testing {
namespace {

v1::CreateTokenRequest NewToken(const std::string& name, v1::Role role,
                                const std::string& user = "") {
  v1::CreateTokenRequest request;
  request.mutable_token()->set_name(name);
  request.mutable_token()->set_role(role);
  request.mutable_token()->set_user_name(user);
  return request;
}

absl::StatusOr<v1::WhoAmIResponse> WhoAmI(const std::string& token) {
  return CallAs<v1::WhoAmIResponse>(token, v1::WhoAmIRequest());
}

v1::Token Listed(const std::string& user, const std::string& name) {
  v1::ListTokensRequest request;
  request.set_user_name(user);
  v1::Token found;
  const auto response = Must<v1::ListTokensResponse>(request);
  for (const auto& token : response.tokens()) {
    if (token.name() == name) found = token;
  }
  return found;
}

TEST_CASE("an API token is shown once, kept as a hash, and calls like a session", "[rpc][tokens]") {
  AddUser("maker", v1::ROLE_OPERATOR);
  const std::string session = NewSessionOf("maker");
  auto request = NewToken("backups", v1::ROLE_VIEWER);
  request.set_request_id("6f1f1f6e-95d4-4b7c-9c6c-0b6a2b7d5a11");
  const auto made = CallAs<v1::CreateTokenResponse>(session, request);
  REQUIRE_OK(made.status());
  const std::string& secret = made->secret();
  CHECK(made->token().user_name() == "maker");
  CHECK(made->token().expire_time().seconds() - made->token().create_time().seconds() ==
        90 * 24 * 3600);
  CHECK_FALSE(made->token().has_last_use_time());
  // A repeat makes none, and says no secret.
  const auto again = CallAs<v1::CreateTokenResponse>(session, request);
  REQUIRE_OK(again.status());
  CHECK(again->secret().empty());
  CHECK(again->token().name() == "backups");
  for (const char* table : {"api_token", "api_request", "audit_log"}) {
    INFO(table);
    CHECK(Sql(fmt::format("SELECT count(*) FROM {} t WHERE t::text LIKE '%{}%'", table, secret)) ==
          "0");
  }
  CHECK(Daemon().Log().find(secret) == std::string::npos);

  const auto me = WhoAmI(secret);
  REQUIRE_OK(me.status());
  CHECK(me->user().name() == "maker");
  CHECK(me->token().name() == "backups");
  CHECK(me->expire_time().seconds() == made->token().expire_time().seconds());
  CHECK(Listed("maker", "backups").has_last_use_time());
  CHECK(CallAs<v1::ListClustersResponse>(secret, v1::ListClustersRequest()).ok());
  // Its role is a viewer's, whatever the user's is.
  v1::StopClusterRequest stop;
  stop.set_cluster_name("no-such");
  CHECK(Reason(CallAs<v1::StopClusterResponse>(secret, stop).status()) == "ROLE_TOO_LOW");
  CHECK(Reason(CallAs<v1::StopClusterResponse>(session, stop).status()) == "CLUSTER_NOT_FOUND");
}

TEST_CASE("the audit log names the API token that a call came with", "[rpc][tokens]") {
  AddUser("audited-service", v1::ROLE_OPERATOR);
  v1::Token token;
  token.set_user_name("audited-service");
  token.set_name("ci");
  token.set_role(v1::ROLE_OPERATOR);
  v1::StopClusterRequest stop;
  stop.set_cluster_name("no-such");
  CHECK_FALSE(CallAs<v1::StopClusterResponse>(NewApiToken(token), stop).ok());
  v1::ListAuditRecordsRequest request;
  request.set_user_name("audited-service");
  const auto records = Must<v1::ListAuditRecordsResponse>(request);
  REQUIRE(records.records_size() == 1);
  CHECK(records.records(0).token_name() == "ci");
  CHECK(records.records(0).target() == "no-such");
}

TEST_CASE("nobody makes a token that may more than its user, or for another user",
          "[rpc][tokens]") {
  AddUser("modest", v1::ROLE_OPERATOR);
  AddUser("neighbour", v1::ROLE_OPERATOR);
  const std::string session = NewSessionOf("modest");
  const auto why = [&](const std::string& token, const auto& request) {
    return Reason(CallAs<v1::CreateTokenResponse>(token, request).status());
  };
  CHECK(why(session, NewToken("high", v1::ROLE_ADMIN)) == "ROLE_TOO_LOW");
  CHECK(why(session, NewToken("theirs", v1::ROLE_VIEWER, "neighbour")) == "TOKEN_OF_ANOTHER");
  CHECK(why(session, NewToken("mine", v1::ROLE_OPERATOR)).empty());
  CHECK(why(session, NewToken("mine", v1::ROLE_OPERATOR)) == "TOKEN_EXISTS");
  // An admin may, but not beyond the user's role.
  const std::string admin = Daemon().Token();
  CHECK(why(admin, NewToken("theirs", v1::ROLE_VIEWER, "neighbour")).empty());
  CHECK(why(admin, NewToken("high", v1::ROLE_ADMIN, "neighbour")) == "ROLE_TOO_LOW");
  CHECK(why(admin, NewToken("x", v1::ROLE_VIEWER, "nobody-here")) == "USER_NOT_FOUND");
  // Bad ones.
  CHECK(why(session, NewToken("a b", v1::ROLE_VIEWER)) == "INVALID_ARGUMENT");
  CHECK(why(session, NewToken("none", v1::ROLE_UNSPECIFIED)) == "INVALID_ARGUMENT");
  auto forever = NewToken("forever", v1::ROLE_VIEWER);
  forever.mutable_ttl()->set_seconds(367LL * 24 * 3600);
  CHECK(why(session, forever) == "INVALID_ARGUMENT");
  // Each sees the own ones; an admin all.
  v1::ListTokensRequest list;
  const auto own = CallAs<v1::ListTokensResponse>(session, list);
  REQUIRE_OK(own.status());
  for (const auto& token : own->tokens()) CHECK(token.user_name() == "modest");
  for (const char* other : {"neighbour", "-"}) {
    list.set_user_name(other);
    CHECK(Reason(CallAs<v1::ListTokensResponse>(session, list).status()) == "TOKEN_OF_ANOTHER");
  }
  list.set_page_size(1);
  std::set<std::string> seen;
  do {
    const auto page = Must<v1::ListTokensResponse>(list);
    for (const auto& token : page.tokens()) {
      CHECK(seen.insert(token.user_name() + "/" + token.name()).second);
    }
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  CHECK(seen.contains("modest/mine"));
  CHECK(seen.contains("neighbour/theirs"));
}

TEST_CASE("a token makes no token, no password and no session", "[rpc][tokens]") {
  AddUser("service", v1::ROLE_ADMIN);
  v1::Token token;
  token.set_user_name("service");
  token.set_name("admin");
  token.set_role(v1::ROLE_ADMIN);
  const std::string secret = NewApiToken(token);
  CHECK(CallAs<v1::ListUsersResponse>(secret, v1::ListUsersRequest()).ok());
  CHECK(
      Reason(CallAs<v1::CreateTokenResponse>(secret, NewToken("more", v1::ROLE_VIEWER)).status()) ==
      "SESSION_NEEDED");
  CHECK(Reason(CallAs<v1::RefreshTokenResponse>(secret, v1::RefreshTokenRequest()).status()) ==
        "SESSION_NEEDED");
  CHECK(Reason(CallAs<v1::LogoutResponse>(secret, v1::LogoutRequest()).status()) ==
        "SESSION_NEEDED");
  CHECK(WhoAmI(secret).ok());
}

TEST_CASE("a token that was revoked, has expired, or whose user is barred or demoted is worth less",
          "[rpc][tokens]") {
  AddUser("host-of-tokens", v1::ROLE_ADMIN);
  v1::Token token;
  token.set_user_name("host-of-tokens");
  token.set_role(v1::ROLE_ADMIN);
  token.set_name("revoked");
  const std::string revoked = NewApiToken(token);
  v1::DeleteTokenRequest revoke;
  revoke.set_user_name("host-of-tokens");
  revoke.set_token_name("revoked");
  Must<v1::DeleteTokenResponse>(revoke);
  CHECK(Reason(WhoAmI(revoked).status()) == "TOKEN_UNKNOWN");
  CHECK(Reason(CallAs<v1::DeleteTokenResponse>(Daemon().Token(), revoke).status()) ==
        "TOKEN_NOT_FOUND");
  token.set_name("expired");
  CHECK(Reason(WhoAmI(NewApiToken(token, -1)).status()) == "TOKEN_EXPIRED");

  token.set_name("live");
  const std::string live = NewApiToken(token);
  CHECK(CallAs<v1::ListUsersResponse>(live, v1::ListUsersRequest()).ok());
  v1::UpdateUserRequest update;
  update.mutable_user()->set_name("host-of-tokens");
  update.mutable_user()->set_role(v1::ROLE_VIEWER);
  update.mutable_update_mask()->add_paths("role");
  Must<v1::UpdateUserResponse>(update);
  CHECK(Reason(CallAs<v1::ListUsersResponse>(live, v1::ListUsersRequest()).status()) ==
        "ROLE_TOO_LOW");
  CHECK(CallAs<v1::ListClustersResponse>(live, v1::ListClustersRequest()).ok());
  update.mutable_user()->set_disabled(true);
  update.mutable_update_mask()->set_paths(0, "disabled");
  Must<v1::UpdateUserResponse>(update);
  CHECK(Reason(WhoAmI(live).status()) == "TOKEN_UNKNOWN");
  v1::DeleteUserRequest remove;
  remove.set_user_name("host-of-tokens");
  Must<v1::DeleteUserResponse>(remove);
  CHECK(Sql("SELECT count(*) FROM api_token WHERE user_name = 'host-of-tokens'") == "0");
}

TEST_CASE("dmgrctl makes, shows and revokes API tokens, and calls with them", "[rpc][tokens]") {
  TestDaemon& daemon = Daemon();
  daemon.LogIn();
  AddUser("operator-of-ci", v1::ROLE_OPERATOR);
  const auto made = daemon.Ctl({"token", "create", "nightly", "--user", "operator-of-ci", "--role",
                                "viewer", "--ttl", "2d"});
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  const std::string secret = made.out.substr(0, made.out.find('\n'));
  CHECK(made.out == secret + "\n");
  CHECK_THAT(made.err, Catch::Contains("nightly") && Catch::Contains("viewer"));
  CHECK(made.err.find(secret) == std::string::npos);

  auto command = daemon.CtlCommand({"whoami"});
  command.env["DMGR_TOKEN"] = secret;
  command.env["XDG_CONFIG_HOME"] = (daemon.dir() / "empty").string();
  auto me = Run(command);
  CHECK(me.exit_code == 0);
  CHECK_THAT(me.out, Catch::Contains("operator-of-ci") && Catch::Contains("nightly"));
  command.env.erase("DMGR_TOKEN");
  const auto file = (daemon.dir() / "token").string();
  REQUIRE(WriteFileAtomically(file, secret + "\n", 0600).ok());
  command.env["DMGR_TOKEN_FILE"] = file;
  CHECK(Run(command).exit_code == 0);
  command.env["DMGR_TOKEN_FILE"] = file + ".none";
  const auto unreadable = Run(command);
  CHECK(unreadable.exit_code == 2);
  CHECK_THAT(unreadable.err, Catch::Contains("token.none"));

  CHECK_THAT(daemon.Ctl({"token", "list", "--all"}).out, Catch::Contains("nightly"));
  CHECK(daemon.Ctl({"token", "revoke", "nightly", "--user", "operator-of-ci", "--yes"}).exit_code ==
        0);
  command.env["DMGR_TOKEN_FILE"] = file;
  CHECK(Run(command).exit_code == 3);
}

}  // namespace
}  // namespace dmgr::testing
