// dmgrctl before a person: prompts, the live view, Ctrl-C.
#include "tests/rpc/fixture.h"
#include "tests/support/pty.h"

namespace dmgr::testing {
namespace {

constexpr int kCtrlC = 130;

TEST_CASE("a password that is typed is not shown", "[rpc][terminal]") {
  Pty login(Daemon().CtlCommand({"login", "--user", TestDaemon::kAdmin}), 80, 24);
  REQUIRE(login.Expect("Password of admin: "));
  CHECK_FALSE(login.Echoes());
  login.Type(std::string(TestDaemon::kPassword) + "\n");
  CHECK(login.Wait() == 0);
  CHECK_THAT(login.Output(),
             Catch::Contains("logged in to") && !Catch::Contains(TestDaemon::kPassword));
}

TEST_CASE("Ctrl-C at a password leaves the terminal as it was", "[rpc][terminal]") {
  Pty login(Daemon().CtlCommand({"login", "--user", TestDaemon::kAdmin}), 80, 24);
  REQUIRE(login.Expect("Password of admin: "));
  login.Type("\x03");
  CHECK(login.Wait() == kCtrlC);
  CHECK(login.Echoes());
}

// The lines between two redraws; none may be broken by the terminal.
void CheckFits(const std::string& output, std::size_t columns) {
  std::size_t begin = 0;
  while (begin < output.size()) {
    const std::size_t end = std::min(output.find('\n', begin), output.size());
    std::string line = output.substr(begin, end - begin);
    for (auto at = line.find('\x1b'); at != std::string::npos; at = line.find('\x1b')) {
      line.erase(at, line.find_first_of("FJKm", at) - at + 1);
    }
    INFO(line);
    CHECK(line.size() <= columns);
    begin = end + 1;
  }
}

TEST_CASE("what destroys asks first, and is watched", "[rpc][terminal]") {
  Daemon().LogIn();
  AddCluster("prompted");
  Pty destroy(Daemon().CtlCommand({"cluster", "destroy", "prompted"}), 80, 24);
  REQUIRE(destroy.Expect("Destroy prompted with all its data on its hosts?"));
  destroy.Type("y\n");
  REQUIRE(destroy.Expect("operation "));
  CHECK(destroy.Wait() == 0);
  CheckFits(destroy.Output(), 80 + std::string("Destroy prompted? [y/N] y").size());
}

TEST_CASE("Ctrl-C stops watching, not the operation, and says how to come back",
          "[rpc][terminal]") {
  Daemon().LogIn();
  SilentHost host;
  AddCluster("watched", host);
  const std::string id = BeginStop("watched").operation_id();
  Pty watch(Daemon().CtlCommand({"operation", "watch", id}), 80, 24);
  REQUIRE(watch.Expect("operation "));
  REQUIRE(watch.Expect("watched-host"));
  CHECK(watch.Expect("steps  running"));
  CheckFits(watch.Output(), 80);
  INFO("a narrower terminal gets a new picture");
  const std::size_t before = watch.Output().size();
  watch.Resize(40, 10);
  CHECK(watch.Expect("watched-host"));
  CheckFits(watch.Output().substr(before), 40);
  watch.Type("\x03");
  CHECK(watch.Wait() == kCtrlC);
  CHECK_THAT(watch.Output(), Catch::Contains("the operation goes on") &&
                                 Catch::Contains("dmgrctl operation watch " + id));
  CHECK_FALSE(GetOperation(id).has_end_time());

  INFO("on no terminal: plain lines");
  host.Close();
  const auto plain = Daemon().Ctl({"operation", "cancel", id});
  CHECK(plain.exit_code == 0);
  CHECK(plain.out.find('\x1b') == std::string::npos);
  AwaitEnd(id);
}

TEST_CASE("colours are for people who want them", "[rpc][terminal]") {
  Daemon().LogIn();
  const std::vector<std::string> args = {"machine", "show", "nowhere"};
  Pty coloured(Daemon().CtlCommand(args), 80, 24);
  CHECK(coloured.Wait() == 3);
  CHECK_THAT(coloured.Output(), Catch::StartsWith("\x1b[31merror:\x1b[0m"));
  Command command = Daemon().CtlCommand(args);
  command.env["NO_COLOR"] = "1";
  Pty plain(command, 80, 24);
  CHECK(plain.Wait() == 3);
  CHECK_THAT(plain.Output(), Catch::StartsWith("error:"));
  CHECK_THAT(Daemon().Ctl(args).err, Catch::StartsWith("error:"));
}

}  // namespace
}  // namespace dmgr::testing
