// How sessions end: by themselves, by a token that is shown twice, by what is changed of their
// user; and with them what is under way.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "common/files.h"
#include "dmgr/v1/token_service.pb.h"
#include "tests/rpc/calls.h"
#include "tests/support/process.h"

namespace dmgr::testing {
namespace {

using Clock = std::chrono::steady_clock;

std::string LogIn(const std::string& user) {
  v1::LoginRequest request;
  request.set_user_name(user);
  request.set_password(TestDaemon::kPassword);
  const auto answer = CallAs<v1::LoginResponse>("", request);
  REQUIRE_OK(answer.status());
  return answer->session().token();
}

std::string WhyNot(const std::string& token) {
  return Reason(CallAs<v1::WhoAmIResponse>(token, v1::WhoAmIRequest()).status());
}

absl::StatusOr<v1::RefreshTokenResponse> Refresh(const std::string& token) {
  return CallAs<v1::RefreshTokenResponse>(token, v1::RefreshTokenRequest());
}

TEST_CASE("who shows a token that was replaced ends the session, also for whoever has the new one",
          "[rpc][sessions]") {
  AddUser("robbed", v1::ROLE_VIEWER);
  const std::string stolen = LogIn("robbed");
  const std::string other = LogIn("robbed");
  const auto fresh = Refresh(stolen);
  REQUIRE_OK(fresh.status());
  const std::string token = fresh->session().token();
  CHECK(token != stolen);
  CHECK(WhyNot(token).empty());

  const auto reused = Refresh(stolen).status();
  CHECK(absl::IsUnauthenticated(reused));
  CHECK(Reason(reused) == "TOKEN_REUSED");
  CHECK(WhyNot(token) == "TOKEN_UNKNOWN");
  CHECK(WhyNot(stolen) == "TOKEN_UNKNOWN");
  // Another login is another session.
  CHECK(WhyNot(other).empty());
  // Found by whoever looks for it, with the name of who was robbed; also where it was a call that
  // only reads.
  const auto again = Refresh(other);
  REQUIRE_OK(again.status());
  CHECK(WhyNot(other) == "TOKEN_REUSED");
  CHECK(WhyNot(again->session().token()) == "TOKEN_UNKNOWN");
  CHECK(Sql("SELECT string_agg(method || ' ' || code, ',' ORDER BY audit_id) FROM audit_log"
            " WHERE user_name = 'robbed' AND code <> 0 AND NOT begun") ==
        "dmgr.v1.AuthService/RefreshToken 16,dmgr.v1.AuthService/WhoAmI 16");
}

TEST_CASE("of many who replace one token at once, at most one has a session then",
          "[rpc][sessions]") {
  AddUser("shared", v1::ROLE_VIEWER);
  const std::string token = LogIn("shared");
  std::vector<std::string> got(8);
  {
    std::vector<std::jthread> callers;
    for (auto& mine : got) {
      callers.emplace_back([&] {
        const auto fresh = Refresh(token);
        if (fresh.ok()) mine = fresh->session().token();
      });
    }
  }
  int live = 0;
  for (const auto& one : got) {
    if (!one.empty() && WhyNot(one).empty()) ++live;
  }
  CHECK(live == 0);
  CHECK(Sql("SELECT count(*) FROM session WHERE user_name = 'shared'") == "0");
}

TEST_CASE("a refresh does not prolong a session, and use does not beyond its end",
          "[rpc][sessions]") {
  AddUser("refresher", v1::ROLE_VIEWER);
  v1::LoginRequest request;
  request.set_user_name("refresher");
  request.set_password(TestDaemon::kPassword);
  const auto login = CallAs<v1::LoginResponse>("", request);
  REQUIRE_OK(login.status());
  const auto& session = login->session();
  CHECK(session.expire_time().seconds() - session.idle_expire_time().seconds() ==
        absl::ToInt64Seconds(absl::Hours(7 * 24 - 12)));
  const auto fresh = Refresh(session.token());
  REQUIRE_OK(fresh.status());
  CHECK(fresh->session().expire_time().seconds() == session.expire_time().seconds());
  Sql("UPDATE session SET idle_time = now() + interval '1 hour' WHERE user_name = 'refresher'"
      " RETURNING 1");
  CHECK(WhyNot(fresh->session().token()).empty());
  CHECK(Sql("SELECT idle_time > now() + interval '11 hours' FROM session"
            " WHERE user_name = 'refresher'") == "t");
  Sql("UPDATE session SET idle_time = now() WHERE user_name = 'refresher' RETURNING 1");
  CHECK(WhyNot(fresh->session().token()) == "TOKEN_EXPIRED");
}

TEST_CASE("a user has so many sessions; a further login ends the oldest", "[rpc][sessions]") {
  TestDaemon daemon({.config = {{"auth.sessions_per_user", "2"}}});
  const auto log_in = [&] {
    v1::LoginRequest request;
    request.set_user_name(TestDaemon::kAdmin);
    request.set_password(TestDaemon::kPassword);
    ApiClient client(daemon.address(), "");
    const auto answer = client.Call<v1::LoginResponse>(request);
    REQUIRE_OK(answer.status());
    return answer->session().token();
  };
  const auto lives = [&](const std::string& token) {
    return ApiClient(daemon.address(), token).Call<v1::WhoAmIResponse>(v1::WhoAmIRequest()).ok();
  };
  const std::string first = log_in();
  const std::string second = log_in();
  CHECK(lives(first));
  const std::string third = log_in();
  CHECK_FALSE(lives(first));
  CHECK(lives(second));
  CHECK(lives(third));
}

// A stream that is read until it ends.
class Reading {
 public:
  // open(client, context): the stream's reader.
  template <typename Open>
  Reading(const std::string& token, Open open) : client_(Daemon().address(), token) {
    client_.Prepare(&context_, absl::Minutes(2));
    thread_ = std::thread([this, open] {
      auto reader = open(client_, &context_);
      typename ResponseOf<decltype(reader)>::Type response;
      while (reader->Read(&response)) open_ = true;
      status_ = FromGrpcStatus(reader->Finish());
      ended_at_ = Clock::now();
    });
  }
  ~Reading() {
    if (thread_.joinable()) thread_.join();
  }
  bool is_open() const { return open_; }
  const absl::Status& End() {
    thread_.join();
    return status_;
  }
  Clock::time_point ended_at() const { return ended_at_; }

 private:
  template <typename Reader>
  struct ResponseOf;
  template <typename Response>
  struct ResponseOf<std::unique_ptr<grpc::ClientReader<Response>>> {
    using Type = Response;
  };

  ApiClient client_;
  grpc::ClientContext context_;
  std::atomic<bool> open_ = false;
  absl::Status status_;
  Clock::time_point ended_at_;
  std::thread thread_;
};

// With what a caller has open, how fast all of it ends, and how, after something is done.
template <typename Do>
void CheckEnds(const std::string& cluster, const std::string& token, absl::StatusCode code,
               Do act) {
  SilentHost host;
  AddCluster(cluster, host);
  const std::string id = BeginStop(cluster).operation_id();
  v1::WatchOperationRequest one;
  one.set_operation_id(id);
  v1::ReadLogsRequest logs;
  logs.set_cluster_name(cluster);
  logs.set_follow(true);
  {
    Reading watch(token, [&](ApiClient& client, grpc::ClientContext* context) {
      return client.operations().WatchOperation(context, one);
    });
    Reading all(token, [&](ApiClient& client, grpc::ClientContext* context) {
      return client.operations().WatchOperations(context, v1::WatchOperationsRequest());
    });
    Reading log(token, [&](ApiClient& client, grpc::ClientContext* context) {
      return client.instances().ReadLogs(context, logs);
    });
    for (Reading* reading : {&watch, &all, &log}) {
      REQUIRE(Eventually([&] { return reading->is_open(); }));
    }
    act();
    // A second is the promise; a busy machine adds to it.
    const auto begin = Clock::now();
    for (Reading* reading : {&watch, &all}) {
      CHECK(reading->End().code() == code);
      CHECK(reading->ended_at() - begin < std::chrono::seconds(3));
    }
    // It asks hosts meanwhile, one of which is silent.
    CHECK(log.End().code() == code);
    CHECK(log.ended_at() - begin < std::chrono::seconds(4));
  }
  host.Close();
  AwaitEnd(id);
}

v1::UpdateUserRequest RoleOf(const std::string& user, v1::Role role) {
  v1::UpdateUserRequest request;
  request.mutable_user()->set_name(user);
  request.mutable_user()->set_role(role);
  request.mutable_update_mask()->add_paths("role");
  return request;
}

TEST_CASE("what is under way ends soon with what allowed it", "[rpc][sessions]") {
  SECTION("a session that is logged out") {
    AddUser("leaving", v1::ROLE_OPERATOR);
    const std::string token = LogIn("leaving");
    CheckEnds("left", token, absl::StatusCode::kUnauthenticated,
              [&] { CHECK(CallAs<v1::LogoutResponse>(token, v1::LogoutRequest()).ok()); });
  }
  SECTION("a role that is another one now") {
    AddUser("demoted", v1::ROLE_OPERATOR);
    const std::string token = LogIn("demoted");
    CheckEnds("demoted-from", token, absl::StatusCode::kAborted,
              [&] { Must<v1::UpdateUserResponse>(RoleOf("demoted", v1::ROLE_VIEWER)); });
    // Who may still, calls again.
    CHECK(WhyNot(token).empty());
  }
  SECTION("a password that an admin has set anew") {
    AddUser("reset", v1::ROLE_OPERATOR);
    CheckEnds("reset-from", LogIn("reset"), absl::StatusCode::kUnauthenticated, [&] {
      v1::ResetPasswordRequest request;
      request.set_user_name("reset");
      request.set_new_password("another long password");
      Must<v1::ResetPasswordResponse>(request);
    });
  }
  SECTION("a user who is gone, of a service with an API token") {
    AddUser("gone", v1::ROLE_OPERATOR);
    v1::Token token;
    token.set_user_name("gone");
    token.set_name("service");
    token.set_role(v1::ROLE_OPERATOR);
    CheckEnds("gone-from", NewApiToken(token), absl::StatusCode::kUnauthenticated, [&] {
      v1::DeleteUserRequest request;
      request.set_user_name("gone");
      Must<v1::DeleteUserResponse>(request);
    });
  }
  SECTION("an API token that is revoked") {
    AddUser("revoker", v1::ROLE_OPERATOR);
    v1::Token token;
    token.set_user_name("revoker");
    token.set_name("service");
    token.set_role(v1::ROLE_OPERATOR);
    CheckEnds("revoked-from", NewApiToken(token), absl::StatusCode::kUnauthenticated, [&] {
      v1::DeleteTokenRequest request;
      request.set_user_name("revoker");
      request.set_token_name("service");
      Must<v1::DeleteTokenResponse>(request);
    });
  }
  SECTION("a session that expires") {
    AddUser("expiring", v1::ROLE_OPERATOR);
    CheckEnds("expired-from", LogIn("expiring"), absl::StatusCode::kUnauthenticated, [&] {
      Sql("UPDATE session SET expire_time = now() WHERE user_name = 'expiring' RETURNING 1");
    });
  }
}

TEST_CASE("an upload ends with the session of its caller", "[rpc][sessions]") {
  const std::string token = NewSession(v1::ROLE_ADMIN);
  ApiClient client(Daemon().address(), token);
  grpc::ClientContext context;
  client.Prepare(&context, absl::Minutes(2));
  v1::UploadPackageResponse response;
  const auto writer = client.packages().UploadPackage(&context, &response);
  v1::UploadPackageRequest request;
  const std::string sha256(64, 'e');
  request.mutable_header()->set_file_name("dm-v9.9.9.tar.gz");
  request.mutable_header()->set_size_bytes(1 << 20);
  request.mutable_header()->set_sha256(sha256);
  REQUIRE(writer->Write(request));
  // As every package begins.
  request.mutable_chunk()->set_data(std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10));
  REQUIRE(writer->Write(request));
  v1::GetUploadRequest get;
  get.set_sha256(sha256);
  REQUIRE(Eventually([&] { return Must<v1::GetUploadResponse>(get).received_bytes() > 0; }));
  const auto begin = Clock::now();
  CHECK(CallAs<v1::LogoutResponse>(token, v1::LogoutRequest()).ok());
  CHECK_FALSE(writer->Finish().ok());
  CHECK(Clock::now() - begin < std::chrono::seconds(1));
}

TEST_CASE("of dmgrctls that run at once one replaces an old token, and all go on",
          "[rpc][sessions]") {
  TestDaemon& daemon = Daemon();
  daemon.LogIn();
  const auto file = (daemon.dir() / "config/dmgr/credentials.json").string();
  const auto saved = [&] { return ReadFile(file).value(); };
  const std::string before = saved();
  // Older than an hour.
  std::string aged = before;
  const auto at = aged.find("\"time\": ") + 8;
  aged.replace(at, aged.find_first_of("\n,}", at) - at, "1000");
  REQUIRE(WriteFileAtomically(file, aged, 0600).ok());
  const std::string refreshed =
      "SELECT count(*) FROM audit_log WHERE method = 'dmgr.v1.AuthService/RefreshToken'"
      " AND user_name = 'admin' AND code = 0";
  const int count = std::stoi(Sql(refreshed));
  std::vector<std::unique_ptr<Child>> callers;
  for (int i = 0; i < 6; ++i) {
    callers.push_back(
        std::make_unique<Child>(daemon.CtlCommand({"whoami"}), daemon.dir() / "whoami.log"));
  }
  for (const auto& caller : callers) CHECK(caller->Wait(std::chrono::minutes(1)) == 0);
  // Where all came at once, nobody could: then the next one alone does.
  CHECK(daemon.Ctl({"whoami"}).exit_code == 0);
  CHECK(std::stoi(Sql(refreshed)) == count + 1);
  CHECK(saved() != aged);
  CHECK(daemon.Ctl({"whoami"}).exit_code == 0);
  CHECK(std::stoi(Sql(refreshed)) == count + 1);
}

}  // namespace
}  // namespace dmgr::testing
