// Users who show a certificate instead of logging in.
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "common/files.h"
#include "tests/rpc/certificates.h"
#include "tests/rpc/fixture.h"
#include "tests/support/eventually.h"

namespace dmgr::testing {
namespace {

// A dmgrd that takes certificates of the CA "people", and has the operator alice.
class Site {
 public:
  explicit Site(std::map<std::string, std::string> config = {}) {
    MakeCertificate(dir_, "dmgrd", "DNS:localhost,IP:127.0.0.1");
    MakeAuthority(dir_, "people");
    MakeAuthority(dir_, "strangers");
    MakeClient(dir_, "alice", "people", "alice");
    std::filesystem::copy(dir_ / "people-ca.pem", ca());
    config["server.tls_cert"] = Quoted(dir_ / "dmgrd.pem");
    config["server.tls_key"] = Quoted(dir_ / "dmgrd.key");
    config["server.tls_client_ca"] = Quoted(ca());
    daemon_ = std::make_unique<TestDaemon>(
        DaemonOptions{.config = std::move(config), .ca = dir_ / "dmgrd-ca.pem"});
    v1::CreateUserRequest request;
    request.mutable_user()->set_name("alice");
    request.mutable_user()->set_role(v1::ROLE_OPERATOR);
    request.set_password(TestDaemon::kPassword);
    REQUIRE_OK(daemon_->Admin().Call<v1::CreateUserResponse>(request).status());
  }

  const test::TempDir& dir() const { return dir_; }
  // What [server] tls_client_ca names.
  std::string ca() const { return dir_ / "clients.pem"; }
  void ReplaceAuthorities(const std::string& text) const {
    dir_.Write("next.pem", text);
    std::filesystem::rename(dir_ / "next.pem", ca());
  }
  TestDaemon& daemon() { return *daemon_; }

  Result CtlAs(const std::string& name, std::vector<std::string> args) {
    args.insert(args.end(),
                {"--client-cert", dir_ / (name + ".pem"), "--client-key", dir_ / (name + ".key")});
    return daemon_->Ctl(std::move(args));
  }
  // With a connection of its own, which stays.
  std::unique_ptr<ApiClient> ConnectAs(const std::string& name) const {
    return std::make_unique<ApiClient>(
        client::ConnectionOptions{.address = daemon_->address(),
                                  .ca = ReadFile(dir_ / "dmgrd-ca.pem").value(),
                                  .identity = {.cert = ReadFile(dir_ / (name + ".pem")).value(),
                                               .key = ReadFile(dir_ / (name + ".key")).value()}});
  }
  void Disable(const std::string& user) {
    v1::UpdateUserRequest request;
    request.mutable_user()->set_name(user);
    request.mutable_user()->set_disabled(true);
    request.mutable_update_mask()->add_paths("disabled");
    REQUIRE_OK(daemon_->Admin().Call<v1::UpdateUserResponse>(request).status());
  }

 private:
  const test::TempDir dir_;
  std::unique_ptr<TestDaemon> daemon_;
};

std::string WhyNot(ApiClient& client) {
  return Reason(client.Call<v1::WhoAmIResponse>(v1::WhoAmIRequest()).status());
}

std::string SerialOf(const test::TempDir& dir, const std::string& name) {
  const std::string said = OpenSsl(dir, {"x509", "-noout", "-serial", "-in", name + ".pem"});
  const std::string serial = said.substr(said.find('=') + 1);
  return serial.substr(0, serial.find('\n'));
}

TEST_CASE("who shows a certificate is its user, and the audit log says so", "[rpc][certificates]") {
  Site site;
  const auto me = site.CtlAs("alice", {"whoami", "-o", "json"});
  INFO(me.err);
  REQUIRE(me.exit_code == 0);
  const std::string serial = SerialOf(site.dir(), "alice");
  CHECK_THAT(me.out, Catch::Contains("\"alice\"") && Catch::Contains(serial));
  CHECK_THAT(site.CtlAs("alice", {"whoami"}).out,
             Catch::Contains("CERTIFICATE") && Catch::Contains(serial));

  INFO("its role is the user's");
  const auto stop = site.CtlAs("alice", {"cluster", "stop", "none", "--yes"});
  CHECK_THAT(stop.err, Catch::Contains("no cluster none"));
  const auto users = site.CtlAs("alice", {"user", "list"});
  CHECK(users.exit_code == 3);
  CHECK_THAT(users.err, Catch::Contains("needs ROLE_ADMIN"));
  v1::ListAuditRecordsRequest request;
  request.set_user_name("alice");
  const auto records = site.daemon().Admin().Call<v1::ListAuditRecordsResponse>(request);
  REQUIRE_OK(records.status());
  REQUIRE(records->records_size() > 0);
  CHECK_THAT(records->records(0).peer(),
             Catch::Contains("ipv4:127.0.0.1:") && Catch::EndsWith(" certificate=" + serial));

  INFO("it makes nothing that outlives it");
  const auto token = site.CtlAs("alice", {"token", "create", "mine", "--role", "viewer"});
  CHECK(token.exit_code == 3);
  CHECK_THAT(token.err, Catch::Contains("cannot be called with a certificate"));

  INFO("a context keeps its files, and needs no login");
  REQUIRE(site.CtlAs("alice", {"context", "add", "home", "--server", site.daemon().address(),
                               "--ca", site.dir() / "dmgrd-ca.pem"})
              .exit_code == 0);
  CHECK_THAT(site.daemon().Ctl({"whoami", "--context", "home"}).out, Catch::Contains("alice"));
}

TEST_CASE("without a certificate there is the password, and a token counts more",
          "[rpc][certificates]") {
  Site site;
  CHECK_THAT(site.daemon().Ctl({"whoami"}).err, Catch::Contains("not logged in"));
  site.daemon().LogIn();
  CHECK_THAT(site.daemon().Ctl({"whoami"}).out, Catch::Contains("admin"));
  // It may be worth less than the user, so a certificate beside it adds nothing.
  CHECK_THAT(site.CtlAs("alice", {"whoami"}).out, Catch::Contains("admin"));
  REQUIRE(site.daemon().Ctl({"logout"}).exit_code == 0);
  CHECK_THAT(site.CtlAs("alice", {"whoami"}).out, Catch::Contains("alice"));
  INFO("a token that is none is not made good by a certificate");
  auto command = site.daemon().CtlCommand({"whoami", "--client-cert", site.dir() / "alice.pem",
                                           "--client-key", site.dir() / "alice.key"});
  command.env["DMGR_TOKEN"] = "a-token";
  CHECK(Run(command).exit_code == 3);
}

TEST_CASE("a certificate of another CA, of another use, too old or for nobody is refused",
          "[rpc][certificates]") {
  Site site;
  const auto& dir = site.dir();
  MakeClient(dir, "stranger", "strangers", "alice");
  MakeClient(dir, "old", "people", "alice", 0);
  MakeSigned(dir, "server",
             {.authority = "people",
              .subject = "/CN=alice",
              .extensions = "extendedKeyUsage=serverAuth\n"});
  for (const char* name : {"stranger", "old", "server"}) {
    INFO(name);
    const auto refused = site.CtlAs(name, {"whoami"});
    CHECK(refused.exit_code == 4);
    CHECK_THAT(refused.err, Catch::Contains("tls_client_ca"));
  }
  MakeClient(dir, "nobody", "people", "nobody");
  MakeSigned(dir, "two", {.authority = "people", .subject = "/CN=alice/CN=admin"});
  MakeSigned(dir, "none", {.authority = "people", .subject = "/O=alice"});
  for (const char* name : {"nobody", "two", "none"}) {
    INFO(name);
    CHECK(WhyNot(*site.ConnectAs(name)) == "CERTIFICATE_REFUSED");
  }
  const auto half = site.daemon().Ctl({"whoami", "--client-cert", dir / "alice.pem"});
  CHECK(half.exit_code == 2);
  CHECK_THAT(half.err, Catch::Contains("without its key"));
}

// A stream of news that never come.
class WatchingCall {
 public:
  WatchingCall(ApiClient* client, absl::Duration timeout) {
    client->Prepare(&context_, timeout);
    reader_ = client->operations().WatchOperations(&context_, v1::WatchOperationsRequest());
  }
  // Waits for its end.
  grpc::StatusCode End() {
    v1::WatchOperationsResponse news;
    while (reader_->Read(&news)) {
    }
    return reader_->Finish().error_code();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchOperationsResponse>> reader_;
};

TEST_CASE("with its user a certificate's calls and streams end", "[rpc][certificates]") {
  // So a second stream tells that the first one has begun.
  Site site(std::map<std::string, std::string>{{"limits.streams_per_user", "1"}});
  const auto alice = site.ConnectAs("alice");
  REQUIRE(WhyNot(*alice).empty());
  std::unique_ptr<WatchingCall> first;
  REQUIRE(Eventually(
      [&] {
        first = std::make_unique<WatchingCall>(alice.get(), absl::Minutes(2));
        const auto second = WatchingCall(alice.get(), absl::Seconds(5)).End();
        if (second == grpc::StatusCode::RESOURCE_EXHAUSTED) return true;
        // It came in before the first one.
        first->End();
        return false;
      },
      std::chrono::seconds(60)));
  site.Disable("alice");
  CHECK(WhyNot(*alice) == "CERTIFICATE_REFUSED");
  CHECK(first->End() == grpc::StatusCode::UNAUTHENTICATED);
}

TEST_CASE("other CAs and revoked certificates count without a restart, on open connections too",
          "[rpc][certificates]") {
  Site site;
  const auto& dir = site.dir();
  MakeClient(dir, "other", "people", "alice");
  const auto alice = site.ConnectAs("alice");
  const auto other = site.ConnectAs("other");
  REQUIRE(WhyNot(*alice).empty());
  REQUIRE(WhyNot(*other).empty());
  const std::string people = ReadFile(dir / "people-ca.pem").value();

  INFO("revoked");
  dir.Write("ca.cnf",
            "[ca]\ndefault_ca=people\n[people]\ndatabase=index.txt\ndefault_md=sha256\n"
            "default_crl_days=2\n");
  dir.Write("index.txt", "");
  const std::vector<std::string> ca = {
      "ca", "-config", "ca.cnf", "-cert", "people-ca.pem", "-keyfile", "people-ca.key"};
  auto revoke = ca;
  revoke.insert(revoke.end(), {"-revoke", "alice.pem"});
  OpenSsl(dir, revoke);
  auto list = ca;
  list.insert(list.end(), {"-gencrl", "-out", "people.crl"});
  OpenSsl(dir, list);
  site.ReplaceAuthorities(people + ReadFile(dir / "people.crl").value());
  CHECK(Eventually([&] { return WhyNot(*alice) == "CERTIFICATE_REFUSED"; },
                   std::chrono::seconds(60)));
  CHECK(WhyNot(*other).empty());

  INFO("what cannot be read changes nothing");
  site.ReplaceAuthorities("none\n");
  // It is read when somebody calls.
  CHECK(Eventually(
      [&] {
        CHECK(WhyNot(*other).empty());
        return site.daemon().Log().find("holds no certificate") != std::string::npos;
      },
      std::chrono::seconds(60)));

  INFO("another CA");
  MakeClient(dir, "new", "strangers", "alice");
  site.ReplaceAuthorities(ReadFile(dir / "strangers-ca.pem").value());
  CHECK(Eventually([&] { return WhyNot(*other) == "CERTIFICATE_REFUSED"; },
                   std::chrono::seconds(60)));
  CHECK(
      Eventually([&] { return WhyNot(*site.ConnectAs("new")).empty(); }, std::chrono::seconds(60)));
}

}  // namespace
}  // namespace dmgr::testing
