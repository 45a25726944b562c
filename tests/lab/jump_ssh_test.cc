// SSH to hosts by way of others.
#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/ssh/session.h"
#include "tests/lab/ssh_lab_support.h"
#include "tests/support/lab.h"

namespace dmgr::testing {
namespace {

// h2 through h1.
ssh::Endpoint Through(const Lab& lab) {
  ssh::Endpoint endpoint = Root(lab, "h2");
  endpoint.jumps = {Root(lab, "h1")};
  return endpoint;
}

std::string Said(ssh::Session& session, const std::string& command) {
  auto channel = session.Exec(command, In(20));
  REQUIRE(channel.ok());
  std::string text;
  char buffer[4096];
  while (true) {
    const auto got = (*channel)->Read(buffer, sizeof(buffer), In(20));
    INFO(got.status().ToString());
    REQUIRE(got.ok());
    if (*got == 0) return text;
    text.append(buffer, *got);
  }
}

absl::Status Why(const ssh::Endpoint& endpoint) {
  return ssh::Session::Connect(endpoint, In(20)).status();
}

TEST_CASE("a session through a jump host is one like any other", "[lab][jump]") {
  const Lab& lab = Lab::Shared(3);
  auto session = ssh::Session::Connect(Through(lab), In(20));
  INFO(session.status().ToString());
  REQUIRE(session.ok());
  CHECK((*session)->host_key() == PinOf(lab.HostKey("h2")));
  // Who asks the host is the jump host.
  CHECK(Said(**session, "echo $SSH_CONNECTION").rfind(lab.Address("h1") + " ", 0) == 0);
  CHECK((*session)->Probe(In(10)).ok());

  // Both ways at once, more than any buffer on the way holds.
  constexpr std::size_t kBytes = 16U << 20;
  auto channel = (*session)->Exec("tee /dev/stderr 2>/dev/null | cat", In(20));
  REQUIRE(channel.ok());
  const std::string sent(kBytes, 'x');
  std::size_t written = 0, got = 0;
  char buffer[64U << 10];
  while (got < kBytes) {
    if (written < kBytes) {
      const auto some = (*channel)->WriteSome(std::string_view(sent).substr(written), In(20));
      INFO(some.status().ToString());
      REQUIRE(some.ok());
      written += *some;
      if (written == kBytes) REQUIRE((*channel)->CloseStdin().ok());
    }
    const auto some =
        (*channel)->Read(buffer, sizeof(buffer), written < kBytes ? absl::InfinitePast() : In(20));
    if (absl::IsDeadlineExceeded(some.status()) && written < kBytes) continue;
    INFO(some.status().ToString());
    REQUIRE(some.ok());
    REQUIRE(*some > 0);
    got += *some;
  }
  CHECK(*(*channel)->ExitStatus(In(20)) == 0);
}

TEST_CASE("what was written last gets through, and then nobody is left on the jump host",
          "[lab][jump]") {
  const Lab& lab = Lab::Shared(3);
  lab.Ssh("h2", "rm -f /tmp/last");
  {
    auto session = ssh::Session::Connect(Through(lab), In(20));
    REQUIRE(session.ok());
    auto channel = (*session)->Exec("cat > /tmp/last", In(20));
    REQUIRE(channel.ok());
    REQUIRE((*channel)->Write("the end", In(20)).ok());
    REQUIRE((*channel)->CloseStdin().ok());
  }
  // Of sshd, the one that listens, and the one by which this asks.
  CHECK(lab.Ssh("h2",
                "for i in $(seq 100); do grep -q 'the end' /tmp/last && break; sleep 0.1; "
                "done; cat /tmp/last") == "the end");
  CHECK(
      lab.Ssh("h1", "for i in $(seq 100); do n=$(ss -Htn dst " + lab.Address("h2") +
                        " | grep -vc TIME-WAIT); [ $n = 0 ] && break; sleep 0.1; done; echo $n") ==
      "0\n");
}

TEST_CASE("jump hosts may be behind jump hosts", "[lab][jump]") {
  const Lab& lab = Lab::Shared(3);
  ssh::Endpoint endpoint = Root(lab, "h3");
  endpoint.jumps = {Root(lab, "h1"), Root(lab, "h2")};
  auto session = ssh::Session::Connect(endpoint, In(20));
  INFO(session.status().ToString());
  REQUIRE(session.ok());
  CHECK(Said(**session, "echo $SSH_CONNECTION").rfind(lab.Address("h2") + " ", 0) == 0);
}

TEST_CASE("on the way every host key is the pinned one, and errors say where it ended",
          "[lab][jump]") {
  const Lab& lab = Lab::Shared(3);
  INFO("another host in the place of the one that is meant");
  ssh::Endpoint endpoint = Through(lab);
  endpoint.pinned_host_key = PinOf(lab.HostKey("h3"));
  CHECK(Reason(Why(endpoint)) == "HOST_KEY_MISMATCH");

  INFO("another host in the place of the jump host");
  endpoint = Through(lab);
  endpoint.jumps[0].pinned_host_key = PinOf(lab.HostKey("h3"));
  absl::Status why = Why(endpoint);
  CHECK(Reason(why) == "HOST_KEY_MISMATCH");
  CHECK_THAT(
      std::string(Message(why)),
      Catch::Contains(lab.Address("h2") + ":22 is reached through " + lab.Address("h1") + ":22: "));
  CHECK(NextActionsOf(why).empty());

  INFO("a password for the jump host, whose key nobody has confirmed");
  endpoint = Through(lab);
  endpoint.jumps[0].private_key = "";
  endpoint.jumps[0].password = "x";
  endpoint.jumps[0].pinned_host_key.clear();
  CHECK(Reason(Why(endpoint)) == "HOST_KEY_UNCONFIRMED");

  INFO("nothing listens there");
  endpoint = Through(lab);
  endpoint.port = 1;
  why = Why(endpoint);
  CHECK(Reason(why) == "HOST_UNREACHABLE");
  CHECK(absl::IsUnavailable(why));
  CHECK_THAT(std::string(Message(why)),
             Catch::Contains(lab.Address("h1") + ":22 does not connect"));

  INFO("a jump host that forwards nothing");
  lab.Ssh("h1",
          "echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/0.conf && "
          "systemctl restart ssh");
  why = Why(Through(lab));
  lab.Ssh("h1", "rm /etc/ssh/sshd_config.d/0.conf && systemctl restart ssh");
  CHECK(Reason(why) == "HOST_UNREACHABLE");
  CHECK_THAT(Metadata(why, "remedy"), Catch::Contains("AllowTcpForwarding"));

  INFO("a host key may be looked at without a login there");
  const auto key = ssh::ScanHostKey(
      {.host = lab.Address("h2"), .port = 22, .jumps = {Root(lab, "h1")}}, {"ssh-ed25519"}, In(20));
  REQUIRE(key.ok());
  CHECK(*key == PinOf(lab.HostKey("h2")));
}

TEST_CASE("a jump host that dies ends the sessions through it", "[lab][jump]") {
  const Lab& lab = Lab::Shared(3);
  auto session = ssh::Session::Connect(Through(lab), In(20));
  REQUIRE(session.ok());
  auto channel = (*session)->Exec("cat", In(20));
  REQUIRE(channel.ok());
  // Every session but the one that this itself comes through: the shell's parent.
  lab.Ssh("h1",
          "for p in $(pgrep -f '^sshd: root'); do [ $p = $PPID ] || kill -KILL $p; done; true");
  char buffer[16];
  const auto got = (*channel)->Read(buffer, sizeof(buffer), In(60));
  CHECK(Reason(got.status()) == "HOST_UNREACHABLE");
}

}  // namespace
}  // namespace dmgr::testing
