// What goes to a host of which nobody has confirmed the key.
#include <libssh/libssh.h>

#include <catch2/catch.hpp>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/ssh/session.h"
#include "tests/host/recording_sshd.h"

namespace dmgr::ssh {
namespace {

using Words = std::vector<std::string>;
using testing::RecordingSshd;

absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

Endpoint ByPassword(const RecordingSshd& sshd) {
  return {.host = "127.0.0.1", .port = sshd.port(), .user = "root", .password = "hunter2"};
}

TEST_CASE("no password goes to a host whose key nobody confirmed") {
  const int method = GENERATE(SSH_AUTH_METHOD_PASSWORD, SSH_AUTH_METHOD_INTERACTIVE);
  const RecordingSshd sshd(method);
  const absl::Status status = Session::Connect(ByPassword(sshd), Soon()).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(Reason(status) == "HOST_KEY_UNCONFIRMED");
  CHECK_FALSE(Metadata(status, "remedy").empty());
  CHECK(sshd.Connections() == 0);
}

TEST_CASE("no password goes to a host that shows another key") {
  const int method = GENERATE(SSH_AUTH_METHOD_PASSWORD, SSH_AUTH_METHOD_INTERACTIVE);
  const RecordingSshd sshd(method);
  Endpoint endpoint = ByPassword(sshd);
  endpoint.pinned_host_key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  CHECK(Reason(Session::Connect(endpoint, Soon()).status()) == "HOST_KEY_MISMATCH");
  CHECK(sshd.Connections() == 1);
  CHECK(sshd.Heard().empty());
}

TEST_CASE("the password goes to the host whose key was confirmed") {
  const bool asks = GENERATE(false, true);
  const RecordingSshd sshd(asks ? SSH_AUTH_METHOD_INTERACTIVE : SSH_AUTH_METHOD_PASSWORD);
  Endpoint endpoint = ByPassword(sshd);
  endpoint.pinned_host_key = sshd.fingerprint();
  const absl::Status status = Session::Connect(endpoint, Soon()).status();
  INFO(status.ToString());
  CHECK(status.ok());
  CHECK(sshd.Heard() == Words{"none", asks ? "answer hunter2" : "password hunter2"});
}

TEST_CASE("a scan sees the host key, and sends nothing of a login") {
  const RecordingSshd sshd(SSH_AUTH_METHOD_PASSWORD);
  const auto key = ScanHostKey({.host = "127.0.0.1", .port = sshd.port()}, {}, Soon());
  INFO(key.status().ToString());
  REQUIRE(key.ok());
  CHECK(key->starts_with("ssh-ed25519 "));
  CHECK(Fingerprint(*key) == sshd.fingerprint());
  // A type that it does not have, and what is none.
  CHECK(ScanHostKey({.host = "127.0.0.1", .port = sshd.port()}, {"ssh-rsa", "x\n"}, Soon()) == key);
  CHECK(sshd.Connections() == 2);
  CHECK(sshd.Heard().empty());
  CHECK(Reason(ScanHostKey({.host = "127.0.0.1", .port = 1}, {}, Soon()).status()) ==
        "HOST_UNREACHABLE");
}

}  // namespace
}  // namespace dmgr::ssh
