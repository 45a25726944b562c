// Who may call what: every method of every service, by descriptor.
#include <regex>
#include <set>

#include "tests/rpc/fixture.h"
#include "tests/support/api_rules.h"

namespace dmgr::testing {
namespace {

using Code = grpc::StatusCode;

// "dmgr.v1.AuthService/Login" and so on.
std::vector<std::string> Methods() {
  std::vector<std::string> methods;
  for (const auto& rule : ApiRules()) methods.push_back(rule.method);
  return methods;
}

std::string ReasonOf(const grpc::Status& status) {
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  CHECK(info.domain() == "dmgr");
  return info.reason();
}

TEST_CASE("the walk below meets every service that dmgrd has", "[rpc][access]") {
  std::set<std::string> walked;
  for (const auto& method : Methods()) walked.insert(method.substr(0, method.find('/')));
  // ServerReflectionRequest{list_services: ""}: field 7, a string.
  const auto answer =
      RawCall(Daemon().address(), "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              std::string("\x3a\x00", 2));
  REQUIRE(answer.messages.size() == 1);
  std::set<std::string> served;
  const std::string& text = answer.messages.front();
  const std::regex name(R"(dmgr\.v1\.\w+)");
  for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it) {
    served.insert(it->str());
  }
  CHECK(served == walked);
}

TEST_CASE("no method but Login answers without a live session", "[rpc][access]") {
  const std::string live = NewSession(v1::ROLE_ADMIN);
  const std::string expired = NewSession(v1::ROLE_ADMIN, -5);
  struct Case {
    std::string authorization;
    std::string reason;
  };
  const std::vector<Case> cases = {{"", "NO_TOKEN"},
                                   {"Bearer", "NO_TOKEN"},
                                   {"Basic " + live, "NO_TOKEN"},
                                   {live, "NO_TOKEN"},
                                   {"Bearer dmgr_nonsense", "TOKEN_UNKNOWN"},
                                   {"Bearer " + live + "x", "TOKEN_UNKNOWN"},
                                   {"Bearer " + expired, "TOKEN_EXPIRED"}};
  int refused = 0;
  for (const auto& method : Methods()) {
    if (method == "dmgr.v1.AuthService/Login") continue;
    for (const auto& [authorization, reason] : cases) {
      INFO(method << " with \"" << authorization << "\"");
      const auto answer = RawCall(Daemon().address(), method, "", authorization);
      CHECK(answer.status.error_code() == Code::UNAUTHENTICATED);
      CHECK(answer.messages.empty());
      CHECK(ReasonOf(answer.status) == reason);
      ++refused;
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("an expired session says so, with what to do next", "[rpc][access]") {
  const auto answer = RawCall(Daemon().address(), "dmgr.v1.AuthService/WhoAmI", "",
                              "Bearer " + NewSession(v1::ROLE_VIEWER, -1));
  CHECK_FALSE(DetailOf<google::rpc::ErrorInfo>(answer.status).metadata().at("remedy").empty());
  const auto next = DetailOf<v1::NextActions>(answer.status);
  REQUIRE(next.actions_size() == 1);
  CHECK(next.actions(0).action() == v1::ACTION_LOGIN);
}

// The answer to an empty request. Who watches all that there is watches until the time is up.
RawAnswer Asked(const auth::MethodRule& rule, v1::Role role, const std::string& token) {
  const bool watches =
      rule.method.ends_with("/WatchOperations") || rule.method.ends_with("/WatchTasks");
  const bool endless = watches && auth::Allows(role, rule);
  return RawCall(Daemon().address(), rule.method, "", "Bearer " + token, "",
                 std::chrono::seconds(endless ? 1 : 30));
}

TEST_CASE("a role may do what its rules say, and no more", "[rpc][access]") {
  for (const auto role : {v1::ROLE_VIEWER, v1::ROLE_OPERATOR, v1::ROLE_ADMIN}) {
    for (const auto& rule : ApiRules()) {
      if (rule.access.without_session()) continue;
      const std::string& method = rule.method;
      INFO(method << " by " << v1::Role_Name(role));
      // Some of them end the session.
      const auto answer = Asked(rule, role, NewSession(role));
      const Code code = answer.status.error_code();
      if (auth::Allows(role, rule)) {
        CHECK(code != Code::PERMISSION_DENIED);
        // An empty request is a bad one at most.
        CHECK(code != Code::INTERNAL);
        CHECK(code != Code::UNKNOWN);
        CHECK(code != Code::UNIMPLEMENTED);
        if (code == Code::UNAUTHENTICATED) CHECK(ReasonOf(answer.status) == "LOGIN_REFUSED");
      } else {
        CHECK(code == Code::PERMISSION_DENIED);
        CHECK(ReasonOf(answer.status) == "ROLE_TOO_LOW");
      }
    }
  }
}

TEST_CASE("a viewer changes nothing but its own sessions and tokens", "[rpc][access]") {
  std::set<std::string> open;
  for (const auto& rule : ApiRules()) {
    if (rule.access.mutates() && rule.access.role() <= v1::ROLE_VIEWER) open.insert(rule.method);
  }
  CHECK(open == std::set<std::string>{
                    "dmgr.v1.AuthService/Login", "dmgr.v1.AuthService/Logout",
                    "dmgr.v1.AuthService/RefreshToken", "dmgr.v1.AuthService/ChangePassword",
                    "dmgr.v1.TokenService/CreateToken", "dmgr.v1.TokenService/DeleteToken"});
}

TEST_CASE("every call that may change something leaves its own row in the audit log, by every role",
          "[rpc][access]") {
  for (const auto role : {v1::ROLE_VIEWER, v1::ROLE_OPERATOR, v1::ROLE_ADMIN}) {
    for (const auto& rule : ApiRules()) {
      INFO(rule.method << " by " << v1::Role_Name(role));
      const std::string token = NewSession(role);
      const std::string before = Sql("SELECT coalesce(max(audit_id), 0) FROM audit_log");
      const auto answer = Asked(rule, role, token);
      // Of a single call, by its port: refusals that were counted have none.
      const std::string rows =
          Sql("SELECT coalesce(string_agg(method || ' ' || code, ','), '')"
              " FROM audit_log WHERE peer LIKE 'ipv4:%:%' AND NOT begun AND audit_id > " +
              before);
      // A refusal of somebody without a name that is like the one before is counted.
      const bool is_counted = rule.access.without_session() && role != v1::ROLE_VIEWER;
      const std::string row = rule.method + " " + std::to_string(answer.status.error_code());
      if (rule.access.reaches_hosts() && rows.empty()) continue;  // Like one before.
      const bool is_recorded = rule.access.mutates() || rule.access.reaches_hosts();
      CHECK(rows == (is_recorded && !is_counted ? row : ""));
    }
  }
}

TEST_CASE("bytes that are no message are refused, not fatal", "[rpc][access]") {
  const std::string admin = "Bearer " + NewSession(v1::ROLE_ADMIN);
  for (const auto& method : Methods()) {
    INFO(method);
    const auto answer = RawCall(Daemon().address(), method, "\xff\xff\xff\xff", admin);
    CHECK_FALSE(answer.status.ok());
    CHECK(answer.messages.empty());
  }
  CHECK(HealthOf(Daemon().address()) == 1);
}

}  // namespace
}  // namespace dmgr::testing
