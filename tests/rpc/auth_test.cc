// Sessions, passwords, the first admin.
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "common/files.h"
#include "tests/rpc/fixture.h"
#include "tests/support/postgres.h"

namespace dmgr::testing {
namespace {

using Auth = v1::AuthService::Stub;

constexpr char kWrong[] = "a wrong password";

struct LoginAnswer {
  grpc::Status status;
  v1::LoginResponse response;
};

LoginAnswer Login(const std::string& address, const std::string& user, const std::string& password,
                  const std::string& new_password = "") {
  v1::LoginRequest request;
  request.set_user_name(user);
  request.set_password(password);
  request.set_new_password(new_password);
  ApiClient connection(address, "");
  grpc::ClientContext context;
  LoginAnswer answer;
  answer.status = connection.auth().Login(&context, request, &answer.response);
  return answer;
}

std::string LogIn(const std::string& user) {
  const auto answer = Login(Daemon().address(), user, TestDaemon::kPassword);
  REQUIRE(answer.status.ok());
  return answer.response.session().token();
}

absl::StatusOr<v1::WhoAmIResponse> WhoAmI(const std::string& token) {
  ApiClient connection(Daemon().address(), token);
  v1::WhoAmIResponse response;
  RETURN_IF_ERROR(
      connection.Call(connection.auth(), &Auth::WhoAmI, v1::WhoAmIRequest(), &response));
  return response;
}

TEST_CASE("a wrong password and an unknown user get the same answer", "[rpc][auth]") {
  const auto wrong = Login(Daemon().address(), TestDaemon::kAdmin, kWrong);
  const auto unknown = Login(Daemon().address(), "nobody-of-this-name", kWrong);
  CHECK(wrong.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(unknown.status.error_code() == wrong.status.error_code());
  CHECK(unknown.status.error_message() == wrong.status.error_message());
  CHECK(unknown.status.error_details() == wrong.status.error_details());
  CHECK(DetailOf<google::rpc::ErrorInfo>(wrong.status).reason() == "LOGIN_REFUSED");
}

TEST_CASE("a login opens a session of which only a hash is kept", "[rpc][auth]") {
  const auto answer = Login(Daemon().address(), TestDaemon::kAdmin, TestDaemon::kPassword);
  REQUIRE(answer.status.ok());
  const std::string& token = answer.response.session().token();
  CHECK(answer.response.user().name() == TestDaemon::kAdmin);
  CHECK(answer.response.user().role() == v1::ROLE_ADMIN);
  const auto me = WhoAmI(token);
  REQUIRE_OK(me.status());
  CHECK(me->user().name() == TestDaemon::kAdmin);
  CHECK(me->expire_time().seconds() == answer.response.session().expire_time().seconds());
  CHECK(Sql("SELECT count(*) FROM session WHERE session::text LIKE '%" + token + "%'") == "0");
}

TEST_CASE("a logout ends the session and no other", "[rpc][auth]") {
  const std::string token = LogIn(TestDaemon::kAdmin);
  const std::string other = LogIn(TestDaemon::kAdmin);
  ApiClient connection(Daemon().address(), token);
  v1::LogoutResponse response;
  REQUIRE_OK(connection.Call(connection.auth(), &Auth::Logout, v1::LogoutRequest(), &response));
  CHECK(absl::IsUnauthenticated(WhoAmI(token).status()));
  CHECK(WhoAmI(other).ok());
}

TEST_CASE("a refresh replaces the token", "[rpc][auth]") {
  const std::string token = LogIn(TestDaemon::kAdmin);
  ApiClient connection(Daemon().address(), token);
  v1::RefreshTokenResponse response;
  REQUIRE_OK(connection.Call(connection.auth(), &Auth::RefreshToken, v1::RefreshTokenRequest(),
                             &response));
  CHECK(response.session().token() != token);
  CHECK(WhoAmI(response.session().token()).ok());
  CHECK(absl::IsUnauthenticated(WhoAmI(token).status()));
}

TEST_CASE("a new password ends the other sessions", "[rpc][auth]") {
  constexpr char kNew[] = "another long password";
  AddUser("changer", v1::ROLE_VIEWER);
  const std::string token = LogIn("changer");
  const std::string other = LogIn("changer");
  ApiClient connection(Daemon().address(), token);
  const auto change = [&](const std::string& before, const std::string& after) {
    v1::ChangePasswordRequest request;
    request.set_old_password(before);
    request.set_new_password(after);
    v1::ChangePasswordResponse response;
    return connection.Call(connection.auth(), &Auth::ChangePassword, request, &response);
  };
  CHECK_FALSE(change(kWrong, kNew).ok());
  const auto too_short = change(TestDaemon::kPassword, "short");
  CHECK(absl::IsInvalidArgument(too_short));
  REQUIRE(FieldViolations(too_short).field_violations_size() == 1);
  CHECK(FieldViolations(too_short).field_violations(0).field() == "new_password");
  CHECK(WhoAmI(other).ok());

  REQUIRE_OK(change(TestDaemon::kPassword, kNew));
  CHECK(WhoAmI(token).ok());
  CHECK(absl::IsUnauthenticated(WhoAmI(other).status()));
  CHECK_FALSE(Login(Daemon().address(), "changer", TestDaemon::kPassword).status.ok());
  CHECK(Login(Daemon().address(), "changer", kNew).status.ok());
}

TEST_CASE("a user who is gone has no session", "[rpc][auth]") {
  AddUser("leaver", v1::ROLE_VIEWER);
  const std::string token = LogIn("leaver");
  Sql("DELETE FROM \"user\" WHERE user_name = 'leaver'");
  CHECK(absl::IsUnauthenticated(WhoAmI(token).status()));
}

std::size_t Count(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST_CASE("the first start names a file with a secret that makes one admin, once", "[rpc][auth]") {
  constexpr char kOption[] = "first secret file: ";
  TestDaemon daemon({.init_admin = false});
  const std::string printed = daemon.Log();
  REQUIRE(Count(printed, kOption) == 1);
  const auto begin = printed.find(kOption) + sizeof(kOption) - 1;
  const std::string file = printed.substr(begin, printed.find('\n', begin) - begin);
  CHECK(file == (daemon.dir() / "data/first-secret").string());
  struct stat info = {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  const std::string text = ReadFile(file).value();
  const std::string secret = text.substr(0, text.find('\n'));
  CHECK(Count(printed, secret) == 0);

  // A restart makes no other one, and it stays good.
  CHECK(daemon.Stop() == 0);
  daemon.Start();
  CHECK(Count(daemon.Log(), kOption) == 1);
  CHECK(ReadFile(file).value() == text);

  CHECK_FALSE(Login(daemon.address(), "root", secret + "x", TestDaemon::kPassword).status.ok());
  CHECK_FALSE(Login(daemon.address(), "root", secret).status.ok());
  CHECK(Login(daemon.address(), "root", secret, "short").status.error_code() ==
        grpc::StatusCode::INVALID_ARGUMENT);
  const auto made = daemon.Ctl({"login", "--user", "root", "--first-secret-file", file},
                               std::string(TestDaemon::kPassword) + "\n");
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  const auto me = daemon.Ctl({"whoami"});
  CHECK(me.exit_code == 0);
  CHECK_THAT(me.out, Catch::Contains("root") && Catch::Contains("admin"));
  CHECK_FALSE(Login(daemon.address(), "second", secret, TestDaemon::kPassword).status.ok());
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(Count(daemon.Log(), secret) == 0);
  CHECK(Count(daemon.Log(), TestDaemon::kPassword) == 0);
}

TEST_CASE("the first secret is worth nothing after an hour; the next start makes a new one",
          "[rpc][auth]") {
  TestDaemon daemon({.init_admin = false});
  const auto secret = [&] {
    const std::string text = ReadFile((daemon.dir() / "data/first-secret").string()).value();
    return text.substr(0, text.find('\n'));
  };
  const std::string old = secret();
  test::Sql(daemon.dsn(),
            "UPDATE bootstrap_secret SET create_time = create_time - interval '61 minutes'"
            " RETURNING 1");
  CHECK_FALSE(Login(daemon.address(), "root", old, TestDaemon::kPassword).status.ok());
  CHECK(daemon.Stop() == 0);
  daemon.Start();
  CHECK(secret() != old);
  CHECK_FALSE(Login(daemon.address(), "root", old, TestDaemon::kPassword).status.ok());
  // It may be typed, too.
  const auto made = daemon.Ctl({"login", "--user", "root", "--first-secret"},
                               secret() + "\n" + TestDaemon::kPassword + "\n");
  INFO(made.err);
  CHECK(made.exit_code == 0);
}

TEST_CASE("of many who bring the first secret at once, one is the admin", "[rpc][auth]") {
  TestDaemon daemon({.init_admin = false});
  const std::string text = ReadFile((daemon.dir() / "data/first-secret").string()).value();
  const std::string secret = text.substr(0, text.find('\n'));
  std::atomic<int> admins = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&, i] {
        const std::string name = "root" + std::to_string(i);
        if (Login(daemon.address(), name, secret, TestDaemon::kPassword).status.ok()) ++admins;
      });
    }
  }
  CHECK(admins == 1);
  CHECK(test::Sql(daemon.dsn(), "SELECT count(*) FROM \"user\"") == "1");
}

TEST_CASE("passwords and tokens are in no log", "[rpc][auth]") {
  const std::string token = LogIn(TestDaemon::kAdmin);
  CHECK(WhoAmI(token).ok());
  CHECK_FALSE(WhoAmI(token + "x").ok());
  Login(Daemon().address(), TestDaemon::kAdmin, kWrong);
  const std::string log = Daemon().Log();
  CHECK(Count(log, "AuthService/Login") > 0);
  for (const std::string& secret :
       {std::string(TestDaemon::kPassword), std::string(kWrong), token}) {
    CHECK(Count(log, secret) == 0);
  }
}

TEST_CASE("dmgrctl keeps its token for its owner only", "[rpc][auth]") {
  TestDaemon& daemon = Daemon();
  // Others may have logged in before.
  daemon.Ctl({"logout"});
  CHECK(daemon.Ctl({"cluster", "list"}).exit_code == 3);
  const auto wrong = daemon.Ctl({"login", "--user", "admin"}, "no such password\n");
  CHECK(wrong.exit_code == 3);
  daemon.LogIn();
  const auto file = daemon.dir() / "config/dmgr/credentials.json";
  CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK(daemon.Ctl({"cluster", "list"}).exit_code == 0);
  CHECK(daemon.Ctl({"logout"}).exit_code == 0);
  CHECK(daemon.Ctl({"cluster", "list"}).exit_code == 3);
}

TEST_CASE("an admin lets others in, and out", "[rpc][auth]") {
  TestDaemon& daemon = Daemon();
  daemon.LogIn();
  const std::string password = "eight or more";
  const auto made = daemon.Ctl({"user", "create", "carol", "--role", "operator"}, password + "\n");
  INFO(made.err);
  CHECK(made.exit_code == 0);
  CHECK_THAT(made.out, Catch::Contains("carol") && Catch::Contains("operator"));
  CHECK(daemon.Ctl({"user", "create", "carol", "--role", "viewer"}, password + "\n").exit_code ==
        3);
  CHECK(daemon.Ctl({"user", "create", "dave", "--role", "viewer"}, "short\n").exit_code == 2);
  CHECK(daemon.Ctl({"user", "create", "d/ve", "--role", "viewer"}, password + "\n").exit_code == 2);

  const auto session = Login(daemon.address(), "carol", password);
  REQUIRE(session.status.ok());
  const std::string token = session.response.session().token();
  CHECK(WhoAmI(token).ok());
  CHECK(daemon.Ctl({"user", "remove", "carol", "--yes"}).exit_code == 0);
  // The session goes with the user.
  CHECK_FALSE(WhoAmI(token).ok());
  CHECK(daemon.Ctl({"user", "remove", "carol", "--yes"}).exit_code == 3);

  const auto audit = daemon.Ctl({"audit", "list"});
  CHECK_THAT(audit.out, Catch::Contains("UserService/CreateUser") && Catch::Contains("carol") &&
                            Catch::Contains("ALREADY_EXISTS") && Catch::Contains("127.0.0.1"));
  CHECK(audit.out.find(password) == std::string::npos);
}

TEST_CASE("the last admin stays", "[rpc][auth]") {
  TestDaemon daemon;
  daemon.LogIn();
  const auto refused = daemon.Ctl({"user", "remove", TestDaemon::kAdmin, "--yes"});
  CHECK(refused.exit_code == 3);
  CHECK_THAT(refused.err, Catch::Contains("user create"));
  CHECK(daemon.Ctl({"whoami"}).exit_code == 0);
}

}  // namespace
}  // namespace dmgr::testing
