// Users as admins manage them, the filters of the audit log, and what dmgrd says of itself.
#include "common/version.h"
#include "dmgr/v1/audit_service.pb.h"
#include "dmgr/v1/server_service.pb.h"
#include "dmgr/v1/token_service.pb.h"
#include "dmgr/v1/user_service.pb.h"
#include "tests/rpc/calls.h"

namespace dmgr::testing {
namespace {

absl::StatusOr<v1::LoginResponse> LoginOf(const std::string& user, const std::string& password) {
  v1::LoginRequest request;
  request.set_user_name(user);
  request.set_password(password);
  return CallAs<v1::LoginResponse>("", request);
}

v1::UpdateUserRequest UpdateOf(const std::string& user) {
  v1::UpdateUserRequest request;
  request.mutable_user()->set_name(user);
  return request;
}

absl::Status WhoAmIWith(const std::string& token) {
  return CallAs<v1::WhoAmIResponse>(token, v1::WhoAmIRequest()).status();
}

TEST_CASE("a user's role is changed, and counts from the next call on", "[rpc][users]") {
  AddUser("promoted", v1::ROLE_VIEWER);
  const auto session = LoginOf("promoted", TestDaemon::kPassword);
  REQUIRE_OK(session.status());
  const std::string token = session->session().token();
  CHECK(absl::IsPermissionDenied(
      CallAs<v1::ListUsersResponse>(token, v1::ListUsersRequest()).status()));

  auto request = UpdateOf("promoted");
  request.mutable_user()->set_role(v1::ROLE_ADMIN);
  request.mutable_update_mask()->add_paths("role");
  CHECK(Must<v1::UpdateUserResponse>(request).user().role() == v1::ROLE_ADMIN);
  REQUIRE_OK(CallAs<v1::ListUsersResponse>(token, v1::ListUsersRequest()).status());
  v1::GetUserRequest get;
  get.set_user_name("promoted");
  const auto user = Must<v1::GetUserResponse>(get).user();
  CHECK(user.role() == v1::ROLE_ADMIN);
  CHECK(user.update_time().seconds() >= user.create_time().seconds());
}

TEST_CASE("who is disabled has no session and gets none, until let in again", "[rpc][users]") {
  AddUser("barred", v1::ROLE_OPERATOR);
  const auto session = LoginOf("barred", TestDaemon::kPassword);
  REQUIRE_OK(session.status());
  auto request = UpdateOf("barred");
  request.mutable_user()->set_disabled(true);
  request.mutable_update_mask()->add_paths("disabled");
  const auto updated = Must<v1::UpdateUserResponse>(request).user();
  CHECK(updated.disabled());
  CHECK(updated.role() == v1::ROLE_OPERATOR);
  CHECK(absl::IsUnauthenticated(WhoAmIWith(session->session().token())));
  CHECK(Reason(LoginOf("barred", TestDaemon::kPassword).status()) == "LOGIN_REFUSED");

  request.mutable_user()->set_disabled(false);
  Must<v1::UpdateUserResponse>(request);
  CHECK(LoginOf("barred", TestDaemon::kPassword).ok());
}

TEST_CASE("an admin sets a new password, which ends the user's sessions", "[rpc][users]") {
  AddUser("forgetful", v1::ROLE_VIEWER);
  const auto session = LoginOf("forgetful", TestDaemon::kPassword);
  REQUIRE_OK(session.status());
  v1::ResetPasswordRequest request;
  request.set_user_name("forgetful");
  request.set_new_password("short");
  CHECK(absl::IsInvalidArgument(
      CallAs<v1::ResetPasswordResponse>(Daemon().Token(), request).status()));
  CHECK(WhoAmIWith(session->session().token()).ok());
  request.set_new_password("remember this one");
  Must<v1::ResetPasswordResponse>(request);
  CHECK(absl::IsUnauthenticated(WhoAmIWith(session->session().token())));
  CHECK_FALSE(LoginOf("forgetful", TestDaemon::kPassword).ok());
  CHECK(LoginOf("forgetful", "remember this one").ok());
  request.set_user_name("nobody-at-all");
  CHECK(Reason(CallAs<v1::ResetPasswordResponse>(Daemon().Token(), request).status()) ==
        "USER_NOT_FOUND");
}

TEST_CASE("an update of a user says what cannot be updated", "[rpc][users]") {
  AddUser("fixed", v1::ROLE_VIEWER);
  const auto refusal = [](const v1::UpdateUserRequest& request) {
    const auto status = CallAs<v1::UpdateUserResponse>(Daemon().Token(), request).status();
    CHECK(absl::IsInvalidArgument(status));
    REQUIRE(FieldViolations(status).field_violations_size() == 1);
    return FieldViolations(status).field_violations(0).field();
  };
  auto request = UpdateOf("fixed");
  CHECK(refusal(request) == "update_mask");
  request.mutable_update_mask()->add_paths("name");
  CHECK(refusal(request) == "update_mask");
  request.mutable_update_mask()->set_paths(0, "role");
  CHECK(refusal(request) == "user.role");
}

TEST_CASE("the last admin who may log in stays one", "[rpc][users]") {
  // Others that tests have made are admins, too.
  Sql("UPDATE \"user\" SET role = 'VIEWER' WHERE role = 'ADMIN' AND user_name <> 'admin'");
  auto request = UpdateOf(TestDaemon::kAdmin);
  request.mutable_user()->set_role(v1::ROLE_OPERATOR);
  request.mutable_update_mask()->add_paths("role");
  const auto demoted = CallAs<v1::UpdateUserResponse>(Daemon().Token(), request).status();
  CHECK(Reason(demoted) == "LAST_ADMIN");
  request.mutable_update_mask()->set_paths(0, "disabled");
  request.mutable_user()->set_disabled(true);
  CHECK(Reason(CallAs<v1::UpdateUserResponse>(Daemon().Token(), request).status()) == "LAST_ADMIN");
  const auto next = NextActionsOf(demoted);
  REQUIRE(next.size() == 1);
  CHECK(next[0].action() == v1::ACTION_CREATE_USER);
  NewSession(v1::ROLE_ADMIN);
  Sql("UPDATE \"user\" SET role = 'ADMIN' WHERE user_name = 'an-admin'");
}

TEST_CASE("a look at hosts is in the audit log, many that are alike as their number",
          "[rpc][users]") {
  AddUser("looker", v1::ROLE_VIEWER);
  const std::string token = LoginOf("looker", TestDaemon::kPassword)->session().token();
  v1::GetClusterStatusRequest look;
  for (const char* cluster : {"first", "first", "first", "second"}) {
    look.set_cluster_name(cluster);
    CHECK(absl::IsNotFound(CallAs<v1::GetClusterStatusResponse>(token, look).status()));
  }
  CHECK(Sql("SELECT string_agg(target, ' ' ORDER BY audit_id) FROM audit_log"
            " WHERE user_name = 'looker' AND method LIKE '%/GetClusterStatus'") == "first second");
}

TEST_CASE("the audit log is one chain of what was written", "[rpc][users]") {
  AddUser("chained", v1::ROLE_VIEWER);
  const auto verified = Must<v1::VerifyAuditLogResponse>(v1::VerifyAuditLogRequest());
  CHECK(verified.records() > 0);
  CHECK(verified.problem_count() == 0);
  v1::VerifyAuditLogRequest again;
  *again.mutable_noted() = verified.last();
  CHECK(Must<v1::VerifyAuditLogResponse>(again).problem_count() == 0);
  again.mutable_noted()->set_chain("another");
  CHECK(Must<v1::VerifyAuditLogResponse>(again).problem_count() == 1);
  const auto ctl = [](const std::vector<std::string>& args) {
    Command command = Daemon().CtlCommand(args);
    command.env["DMGR_TOKEN"] = Daemon().Token();
    return Run(command);
  };
  const auto printed = ctl({"audit", "verify"});
  CHECK(printed.exit_code == 0);
  CHECK_THAT(printed.out, Catch::Contains("all as they were written") &&
                              Catch::Contains("dmgrctl audit verify --noted "));
  const auto exported = ctl({"audit", "export", "--user", TestDaemon::kAdmin});
  CHECK_THAT(exported.out, Catch::Contains("\"method\":") && Catch::Contains("\"chain\":"));
}

TEST_CASE("the audit log is asked by user, method, outcome and time", "[rpc][users]") {
  AddUser("audited", v1::ROLE_VIEWER);
  LoginOf("audited", "a wrong password").status().IgnoreError();
  REQUIRE_OK(LoginOf("audited", TestDaemon::kPassword).status());
  v1::ListAuditRecordsRequest request;
  request.set_user_name("audited");
  request.set_method("dmgr.v1.AuthService/Login");
  const auto list = [&] { return Must<v1::ListAuditRecordsResponse>(request); };
  REQUIRE(list().records_size() == 2);
  CHECK(list().records(0).code() == 0);
  CHECK(list().records(1).code() == grpc::StatusCode::UNAUTHENTICATED);
  request.set_outcome(v1::ListAuditRecordsRequest::OUTCOME_REFUSED);
  REQUIRE(list().records_size() == 1);
  const auto time = list().records(0).time();
  request.set_outcome(v1::ListAuditRecordsRequest::OUTCOME_UNSPECIFIED);
  *request.mutable_time()->mutable_end_time() = time;
  CHECK(list().records_size() == 0);
  request.clear_time();
  *request.mutable_time()->mutable_start_time() = time;
  CHECK(list().records_size() == 2);
  request.set_target("somebody else");
  CHECK(list().records_size() == 0);
}

TEST_CASE("dmgrd says what it is and what it takes", "[rpc][users]") {
  const auto info = Must<v1::GetServerInfoResponse>(v1::GetServerInfoRequest());
  CHECK(info.version() == std::string(BuildVersion()));
  CHECK(info.mode() == v1::SERVER_MODE_DEBUG);
  CHECK(info.architectures_size() == 2);
  CHECK(info.dm_versions_size() > 0);
  CHECK(info.limits().max_message_bytes() > 0);
  CHECK(info.limits().max_upload_bytes() > 0);
  CHECK(info.limits().max_page_size() == 1000);
  CHECK(info.limits().max_operations() > 0);
  CHECK(info.limits().max_steps() > 0);
}

std::string NewTokenOf(const std::string& session, const std::string& name) {
  v1::CreateTokenRequest request;
  request.mutable_token()->set_name(name);
  request.mutable_token()->set_role(v1::ROLE_VIEWER);
  const auto made = CallAs<v1::CreateTokenResponse>(session, request);
  REQUIRE_OK(made.status());
  return made->secret();
}

TEST_CASE("a new password says which API tokens stay good, or ends them", "[rpc][users]") {
  AddUser("renewed", v1::ROLE_VIEWER);
  const auto session = LoginOf("renewed", TestDaemon::kPassword);
  REQUIRE_OK(session.status());
  const std::string token = session->session().token();
  const std::string first = NewTokenOf(token, "first");
  v1::ChangePasswordRequest change;
  change.set_old_password(TestDaemon::kPassword);
  change.set_new_password("a new password");
  const auto changed = CallAs<v1::ChangePasswordResponse>(token, change);
  REQUIRE_OK(changed.status());
  REQUIRE(changed->api_tokens_size() == 1);
  CHECK(changed->api_tokens(0) == "first");
  REQUIRE_OK(WhoAmIWith(first));

  v1::ResetPasswordRequest reset;
  reset.set_user_name("renewed");
  reset.set_new_password("another password");
  CHECK(Must<v1::ResetPasswordResponse>(reset).api_tokens_size() == 1);
  REQUIRE_OK(WhoAmIWith(first));
  CHECK(absl::IsUnauthenticated(WhoAmIWith(token)));
  reset.set_revoke_api_tokens(true);
  CHECK(Must<v1::ResetPasswordResponse>(reset).api_tokens().empty());
  CHECK(absl::IsUnauthenticated(WhoAmIWith(first)));

  INFO("disabled, the user's tokens are worth nothing; let in again, they are");
  const auto again = LoginOf("renewed", "another password");
  REQUIRE_OK(again.status());
  const std::string second = NewTokenOf(again->session().token(), "second");
  auto request = UpdateOf("renewed");
  request.mutable_user()->set_disabled(true);
  request.mutable_update_mask()->add_paths("disabled");
  Must<v1::UpdateUserResponse>(request);
  CHECK(absl::IsUnauthenticated(WhoAmIWith(second)));
  request.mutable_user()->set_disabled(false);
  Must<v1::UpdateUserResponse>(request);
  REQUIRE_OK(WhoAmIWith(second));
  v1::DeleteUserRequest remove;
  remove.set_user_name("renewed");
  Must<v1::DeleteUserResponse>(remove);
  CHECK(absl::IsUnauthenticated(WhoAmIWith(second)));
}

}  // namespace
}  // namespace dmgr::testing
