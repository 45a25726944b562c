// dmgrd with a certificate, and dmgrctl with its CA.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "common/files.h"
#include "tests/rpc/certificates.h"
#include "tests/rpc/fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

// The handshake of `openssl s_client`, as it tells it.
std::string HandshakeOf(const std::string& address, const std::string& version) {
  const auto result =
      Run({.args = {"/usr/bin/openssl", "s_client", "-connect", address, "-alpn", "h2", version}},
          std::chrono::seconds(60));
  return result.out + result.err;
}

TEST_CASE("root makes nothing in the folder of another user", "[rpc][tls]") {
  if (geteuid() != 0) return;
  constexpr unsigned kNobody = 65534;
  const test::TempDir dir;
  dir.Write("dmgrd.toml", "[paths]\ndata_dir = " + Quoted(dir / "data") + "\n");
  REQUIRE(::mkdir((dir / "data").c_str(), 0711) == 0);
  REQUIRE(::chown((dir / "data").c_str(), kNobody, kNobody) == 0);
  for (const char* what : {"--init-tls", "--database-only", "--rotate-master-key"}) {
    const auto refused =
        Run({.args = {(ProgramDir() / "dmgrd").string(), "--config", dir / "dmgrd.toml", what}});
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, Catch::Contains("is of user nobody, and this is root") &&
                                Catch::Contains("runuser -u nobody"));
    CHECK(::access((dir / "data/tls").c_str(), F_OK) != 0);
  }
}

TEST_CASE("dmgrd makes a CA and a certificate for who has none", "[rpc][tls]") {
  const test::TempDir dir;
  dir.Write("dmgrd.toml", "[paths]\ndata_dir = " + Quoted(dir.path()) + "\n");
  const auto init = [&](const std::string& name) {
    return Run({.args = {(ProgramDir() / "dmgrd").string(), "--config", dir / "dmgrd.toml",
                         "--init-tls", "--tls-name", name}});
  };
  const auto file = [&](const std::string& name) { return dir / ("tls/" + name); };
  const auto made = init("dmgr.example.com");
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  CHECK_THAT(made.out, Catch::Contains(file("ca.pem")) && Catch::Contains(file("dmgrd.key")));
  for (const char* key : {"ca.key", "dmgrd.key"}) {
    struct stat info = {};
    REQUIRE(::stat(file(key).c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0600);
  }
  const auto shown =
      Run({.args = {"/usr/bin/openssl", "x509", "-noout", "-text", "-in", file("dmgrd.pem")}});
  CHECK_THAT(shown.out, Catch::Contains("DNS:dmgr.example.com") &&
                            Catch::Contains("IP Address:127.0.0.1") && Catch::Contains("CA:FALSE"));
  const auto verifies = [&] {
    return Run({.args = {"/usr/bin/openssl", "verify", "-x509_strict", "-purpose", "sslserver",
                         "-CAfile", file("ca.pem"), file("dmgrd.pem")}})
               .exit_code == 0;
  };
  CHECK(verifies());
  {
    TestDaemon daemon({.config = {{"server.tls_cert", Quoted(file("dmgrd.pem"))},
                                  {"server.tls_key", Quoted(file("dmgrd.key"))},
                                  {"server.mode", Quoted("release")}},
                       .ca = file("ca.pem")});
    daemon.LogIn();
    CHECK(daemon.Ctl({"whoami"}).exit_code == 0);
  }
  INFO("a second time: another certificate of the same CA");
  const std::string ca = ReadFile(file("ca.pem")).value();
  const std::string cert = ReadFile(file("dmgrd.pem")).value();
  REQUIRE(init("10.0.0.9").exit_code == 0);
  CHECK(ReadFile(file("ca.pem")).value() == ca);
  CHECK(ReadFile(file("dmgrd.pem")).value() != cert);
  CHECK(verifies());
  CHECK(init("a,DNS:b").exit_code == 2);
  std::ofstream(file("ca.pem")) << "none\n";
  CHECK(init("a").exit_code == 1);
}

TEST_CASE("dmgrd speaks TLS, and dmgrctl believes its CA only", "[rpc][tls]") {
  const test::TempDir dir;
  const auto file = [&](const std::string& name) { return dir / name; };
  MakeCertificate(dir, "good", "DNS:localhost,IP:127.0.0.1");
  MakeCertificate(dir, "other", "DNS:localhost,IP:127.0.0.1");
  // Not loopback: allowed, since there is a certificate.
  TestDaemon daemon({.config = {{"server.tls_cert", Quoted(file("good.pem"))},
                                {"server.tls_key", Quoted(file("good.key"))},
                                {"server.mode", Quoted("release")}},
                     .listen_host = "0.0.0.0",
                     .ca = file("good-ca.pem")});
  daemon.LogIn();
  CHECK(daemon.Ctl({"whoami"}).exit_code == 0);
  INFO("plain text gets nothing");
  CHECK(HealthOf(daemon.address()) == -1);

  INFO("another CA");
  const auto wrong = daemon.Ctl({"whoami", "--ca", file("other-ca.pem")});
  CHECK(wrong.exit_code == 4);
  CHECK_THAT(wrong.err, Catch::Contains("not signed by this CA") && Catch::Contains("--ca FILE"));
  const auto missing = daemon.Ctl({"whoami", "--ca", file("none.pem")});
  CHECK(missing.exit_code == 2);
  CHECK_THAT(missing.err, Catch::Contains(file("none.pem")));
  const auto no_cert = daemon.Ctl({"whoami", "--ca", file("good.key")});
  CHECK(no_cert.exit_code == 2);

  INFO("a context remembers address, user and CA; its session is its own");
  const std::string localhost = "localhost" + daemon.address().substr(daemon.address().find(':'));
  REQUIRE(daemon
              .Ctl({"context", "add", "far", "--server", localhost, "--user", TestDaemon::kAdmin,
                    "--ca", file("good-ca.pem")})
              .exit_code == 0);
  const auto before = daemon.Ctl({"whoami", "--context", "far"});
  CHECK(before.exit_code == 3);
  CHECK_THAT(before.err, Catch::Contains("not logged in to " + localhost) &&
                             Catch::Contains("dmgrctl login --context far"));
  const auto login =
      daemon.Ctl({"login", "--context", "far"}, std::string(TestDaemon::kPassword) + "\n");
  INFO(login.err);
  CHECK(login.exit_code == 0);
  CHECK_THAT(login.err, Catch::Contains(localhost) && Catch::Contains("as admin"));
  CHECK(daemon.Ctl({"whoami", "--context", "far"}).exit_code == 0);
  struct stat saved = {};
  REQUIRE(stat((daemon.dir() / "config/dmgr/credentials.json").c_str(), &saved) == 0);
  CHECK((saved.st_mode & 0777) == 0600);
  CHECK(daemon.Ctl({"context", "remove", "far"}).exit_code == 0);
  std::ifstream in(daemon.dir() / "config/dmgr/credentials.json");
  const std::string left(std::istreambuf_iterator<char>(in), {});
  CHECK_THAT(left, !Catch::Contains("@far") && Catch::Contains("token"));
}

TEST_CASE("a renewed certificate is shown without a restart", "[rpc][tls]") {
  const test::TempDir dir;
  const auto file = [&](const std::string& name) { return dir.path() + "/" + name; };
  for (const char* name : {"old", "new"}) MakeCertificate(dir, name, "DNS:localhost,IP:127.0.0.1");
  // As who renews them does it: both at once.
  const auto show = [&](const std::string& name) {
    std::filesystem::create_directory(file(name));
    for (const char* end : {".pem", ".key"}) {
      std::filesystem::copy(file(name + end), file(name + "/dmgrd" + end));
    }
    std::filesystem::create_directory_symlink(name, file("next"));
    std::filesystem::rename(file("next"), file("live"));
  };
  show("old");
  TestDaemon daemon({.config = {{"server.tls_cert", Quoted(file("live/dmgrd.pem"))},
                                {"server.tls_key", Quoted(file("live/dmgrd.key"))}},
                     .ca = file("old-ca.pem")});
  daemon.LogIn();
  REQUIRE(daemon.Ctl({"whoami"}).exit_code == 0);
  show("new");
  // Session and users are as they were.
  CHECK(Eventually(
      [&] {
        return daemon.Ctl({"whoami", "--ca", file("new-ca.pem")}).exit_code == 0;
      },
      std::chrono::seconds(60)));
  CHECK(daemon.Ctl({"whoami"}).exit_code == 4);
}

TEST_CASE("a certificate that cannot work ends dmgrd at start, with the reason", "[rpc][tls]") {
  const test::TempDir dir;
  const auto file = [&](const std::string& name) { return dir / name; };
  MakeCertificate(dir, "good", "DNS:localhost");
  MakeCertificate(dir, "other", "DNS:localhost");
  std::ofstream(file("empty.pem")) << "nothing\n";
  std::filesystem::copy(file("good.key"), file("open.key"));
  REQUIRE(::chmod(file("open.key").c_str(), 0644) == 0);
  struct Row {
    std::string cert, key, problem;
  };
  for (const Row& row : std::vector<Row>{
           {"good.pem", "other.key", "is not the key of"},
           {"none.pem", "good.key", "none.pem cannot be read"},
           {"empty.pem", "good.key", "holds no certificate"},
           {"good.pem", "good.pem", "holds no private key"},
           {"good.pem", "open.key", "may be read by everybody"},
       }) {
    const std::string toml =
        "[server]\nlisten = \"127.0.0.1:1\"\ntls_cert = " + Quoted(file(row.cert)) +
        "\ntls_key = " + Quoted(file(row.key)) + "\n[paths]\ndata_dir = " + Quoted(file("data")) +
        "\nmaster_key = " + Quoted((Daemon().dir() / "data/master.key").string()) +
        "\n[database]\ndsn = " + Quoted(Daemon().dsn()) + "\n";
    std::ofstream(file("dmgrd.toml")) << toml;
    const auto result = Run({.args = {ProgramDir() / "dmgrd", "--config", file("dmgrd.toml")}},
                            std::chrono::seconds(60));
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, Catch::Contains(row.problem) && Catch::Contains("[server] tls_"));
  }
}

TEST_CASE("dmgrd speaks TLS 1.3 and nothing older, whatever its key is", "[rpc][tls]") {
  for (const KeyKind kind : {KeyKind::kEcdsa, KeyKind::kRsa}) {
    const test::TempDir dir;
    MakeCertificate(dir, "good", "DNS:localhost,IP:127.0.0.1", kind);
    // Nobody makes it weaker by the environment.
    TestDaemon daemon({.config = {{"server.tls_cert", Quoted(dir / "good.pem")},
                                  {"server.tls_key", Quoted(dir / "good.key")}},
                       .env = {{"GRPC_SSL_CIPHER_SUITES", "ALL:@SECLEVEL=0"}},
                       .ca = dir / "good-ca.pem"});
    CHECK_THAT(HandshakeOf(daemon.address(), "-tls1_3"),
               Catch::Contains("New, TLSv1.3, Cipher is TLS_"));
    CHECK_THAT(HandshakeOf(daemon.address(), "-tls1_2"),
               Catch::Contains("New, (NONE), Cipher is (NONE)"));
    daemon.LogIn();
    CHECK(daemon.Ctl({"whoami"}).exit_code == 0);
  }
}

TEST_CASE("dmgrctl speaks TLS 1.3 and nothing older", "[rpc][tls]") {
  const test::TempDir dir;
  MakeCertificate(dir, "good", "DNS:localhost,IP:127.0.0.1");
  for (const bool is_old : {false, true}) {
    SilentHost taken;
    const std::string address = "127.0.0.1:" + std::to_string(taken.port());
    taken.Close();
    const std::string log = dir / (is_old ? "old.log" : "new.log");
    const Child server(
        {.args = {"/usr/bin/openssl", "s_server", "-accept", address, "-cert", dir / "good.pem",
                  "-key", dir / "good.key", "-alpn", "h2", "-rev", is_old ? "-tls1_2" : "-tls1_3"}},
        log);
    const auto says = [&](const std::string& text) {
      return Eventually([&] { return ReadFile(log).value_or("").find(text) != std::string::npos; });
    };
    REQUIRE(says("ACCEPT"));
    // It is no dmgrd, and is waited for.
    const Child client(
        Daemon().CtlCommand({"whoami", "--ca", dir / "good-ca.pem", "--server", address}),
        dir / "client.log");
    CHECK(says(is_old ? "no shared cipher" : "Protocol version: TLSv1.3"));
    CHECK_THAT(ReadFile(log).value(), !Catch::Contains("Protocol version: TLSv1.2"));
  }
}

TEST_CASE("no secret goes to another machine in plain text", "[rpc][tls]") {
  const test::TempDir dir;
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"login", "--user", "admin"},
        {"whoami"},
        {"operation", "watch", "00000000-0000-0000-0000-000000000000"},
        {"operation", "show", "abcd"}}) {
    Command command = Daemon().CtlCommand(args, "secret\n");
    command.env["DMGR_SERVER"] = "198.18.0.99:9527";
    command.env["DMGR_TOKEN"] = "a-token";
    const auto result = Run(command, std::chrono::seconds(20));
    CHECK(result.exit_code == 3);
    CHECK_THAT(result.err, Catch::Contains("198.18.0.99:9527") && Catch::Contains("without TLS") &&
                               Catch::Contains("--ca FILE") && Catch::Contains("ssh -N -L"));
  }
}

}  // namespace
}  // namespace dmgr::testing
