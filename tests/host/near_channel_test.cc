// A host whose sshd takes the login and then has no air to open a channel.
#include <libssh/libssh.h>
#include <sys/utsname.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/host/near/connector.h"
#include "tests/host/recording_sshd.h"

namespace dmgr::testing {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(6);

class Airless {
 public:
  explicit Airless(int mute) : sshd(SSH_AUTH_METHOD_PASSWORD, mute) {
    utsname own = {};
    uname(&own);
    program_.by_arch[own.machine] = {.content = "x", .packed = "", .hash = "ab", .sha256 = "cd"};
  }

  absl::Status Connect(const std::function<bool()>& cancelled = {}) {
    host::HostLogin login;
    login.name = "h1";
    login.endpoint = {.host = "127.0.0.1",
                      .port = sshd.port(),
                      .user = "root",
                      .password = "hunter2",
                      .pinned_host_key = sshd.fingerprint()};
    login.root.is_root = true;
    login.far_end_dir = "/var/lib/dmgr";
    host::hv1::Begin begin;
    begin.set_mode(host::hv1::Begin::MODE_READ);
    host::SshConnector connector(&program_);
    return connector.Connect(login, begin, SteadyNow() + kPatience, cancelled).status();
  }
  long Commands() const {
    const auto heard = sshd.Heard();
    return std::count(heard.begin(), heard.end(), "command");
  }

  RecordingSshd sshd;

 private:
  host::FarEndProgram program_;
};

TEST_CASE("a host that opens no channel in one session is asked once more in another") {
  Airless host(1);
  const absl::Status status = host.Connect();
  INFO(status);
  // It came to the commands, which this one does not run.
  CHECK(Reason(status) == "LOGIN_RUNS_NO_COMMANDS");
  CHECK(host.sshd.Connections() == 2);
  CHECK(host.Commands() > 0);
}

TEST_CASE("a host that opens no channel at all is given up in time, and nothing was started") {
  Airless host(100);
  const absl::Time begin = SteadyNow();
  const absl::Status status = host.Connect();
  CHECK(absl::IsUnavailable(status));
  CHECK(Reason(status) == "SSH_NO_CHANNEL");
  CHECK_THAT(std::string(Message(status)), Catch::Contains("h1"));
  CHECK_THAT(Metadata(status, "remedy"), Catch::Contains("overloaded"));
  CHECK(SteadyNow() - begin < kPatience + absl::Seconds(5));
  CHECK(host.sshd.Connections() == 2);
  CHECK(host.Commands() == 0);
}

TEST_CASE("who cancels does not wait for a second session") {
  Airless host(100);
  const absl::Time begin = SteadyNow();
  const auto cancelled = [&] { return SteadyNow() - begin > absl::Milliseconds(500); };
  CHECK(absl::IsCancelled(host.Connect(cancelled)));
  CHECK(host.sshd.Connections() == 1);
}

}  // namespace
}  // namespace dmgr::testing
