// dmgrd on a unix socket, and where it speaks no plain text.
#include <sys/stat.h>

#include <fstream>

#include "tests/rpc/fixture.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

TEST_CASE("release mode serves on a socket, and knows who calls", "[rpc][socket]") {
  TestDaemon daemon({.env = {{"DMGR_MODE", "release"}}, .listen_host = ""});
  const std::string path = (daemon.dir() / "dmgrd.sock").string();
  struct stat info = {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK(S_ISSOCK(info.st_mode));
  CHECK((info.st_mode & 07777) == 0660);
  daemon.LogIn();
  CHECK(daemon.Ctl({"whoami"}).exit_code == 0);
  // A CA is for TCP.
  CHECK(daemon.Ctl({"context", "add", "here", "--server", daemon.address()}).exit_code == 0);
  const auto audit = daemon.Ctl({"audit", "list", "-o", "json"});
  INFO(audit.out << audit.err);
  CHECK_THAT(audit.out, Catch::Contains("\"unix:uid=" + std::to_string(::getuid()) + "\""));

  INFO("a second one does not take it over");
  std::ofstream(daemon.dir() / "second.toml")
      << "[server]\nmode = \"release\"\nlisten = \"\"\nsocket = \"" << path
      << "\"\n[paths]\ndata_dir = \"" << (daemon.dir() / "second").string() << "\"\nmaster_key = \""
      << (daemon.dir() / "data/master.key").string() << "\"\n[database]\ndsn = \"" << daemon.dsn()
      << "\"\n";
  const auto second = Run({.args = {(ProgramDir() / "dmgrd").string(), "--config",
                                    (daemon.dir() / "second.toml").string()}});
  CHECK(second.exit_code == 1);
  CHECK_THAT(second.err, Catch::Contains(path) && Catch::Contains("cannot listen"));
  CHECK(daemon.Ctl({"whoami"}).exit_code == 0);

  INFO("what one leaves that was killed is no obstacle");
  daemon.Kill();
  CHECK(::stat(path.c_str(), &info) == 0);
  CHECK(daemon.Ctl({"whoami"}).exit_code == 4);
  daemon.Start();
  CHECK(daemon.Ctl({"whoami"}).exit_code == 0);
  CHECK(daemon.Stop() == 0);
  CHECK(::stat(path.c_str(), &info) != 0);
}

TEST_CASE("release mode speaks no plain text, on loopback either", "[rpc][socket]") {
  const test::TempDir dir;
  std::ofstream(dir / "dmgrd.toml")
      << "[server]\nmode = \"release\"\nlisten = \"127.0.0.1:1\"\n[paths]\ndata_dir = \""
      << dir.path() << "/data\"\nmaster_key = \"" << (Daemon().dir() / "data/master.key").string()
      << "\"\n[database]\ndsn = \"" << Daemon().dsn() << "\"\n";
  const auto refused =
      Run({.args = {(ProgramDir() / "dmgrd").string(), "--config", dir / "dmgrd.toml"}});
  INFO(refused.err);
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Catch::Contains("127.0.0.1:1") && Catch::Contains("tls_cert"));
}

}  // namespace
}  // namespace dmgr::testing
