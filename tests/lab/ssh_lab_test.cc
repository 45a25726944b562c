// SSH to real hosts: logins, host keys, streams, and what happens when the host goes.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/ssh/session.h"
#include "tests/lab/ssh_lab_support.h"
#include "tests/support/lab.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

constexpr char kPassword[] = "it's a \"pass\" word";

ssh::Endpoint ByPassword(const Lab& lab) {
  lab.AddUser("h1", {.name = "asked", .password = kPassword});
  ssh::Endpoint endpoint{.host = lab.Address("h1"), .user = "asked"};
  endpoint.password = kPassword;
  endpoint.pinned_host_key = PinOf(lab.HostKey("h1"));
  return endpoint;
}

// Lines before sshd's own configuration, as long as this lives.
class SshdConfig {
 public:
  SshdConfig(const Lab& lab, std::string host, const std::string& text)
      : lab_(lab), host_(std::move(host)) {
    // A restart, unlike a reload, returns when sshd listens; sessions go on.
    lab_.Ssh(host_,
             "printf '" + text + "' >/etc/ssh/sshd_config.d/0.conf && systemctl restart ssh");
  }
  ~SshdConfig() { lab_.Ssh(host_, "rm /etc/ssh/sshd_config.d/0.conf && systemctl restart ssh"); }
  SshdConfig(const SshdConfig&) = delete;
  SshdConfig& operator=(const SshdConfig&) = delete;

 private:
  const Lab& lab_;
  const std::string host_;
};

std::unique_ptr<ssh::Session> Connect(const ssh::Endpoint& endpoint) {
  auto session = ssh::Session::Connect(endpoint, In(20));
  INFO(session.status().ToString());
  REQUIRE(session.ok());
  return *std::move(session);
}

absl::Status StatusOf(const ssh::Endpoint& endpoint, absl::Time deadline = In(20)) {
  return ssh::Session::Connect(endpoint, deadline).status();
}

std::unique_ptr<ssh::Channel> Exec(ssh::Session& session, const std::string& command) {
  auto channel = session.Exec(command, In(20));
  INFO(channel.status().ToString());
  REQUIRE(channel.ok());
  return *std::move(channel);
}

std::string ReadAll(ssh::Channel& channel) {
  std::string text;
  char buffer[4096];
  while (true) {
    auto got = channel.Read(buffer, sizeof(buffer), In(30));
    INFO(got.status().ToString());
    REQUIRE(got.ok());
    if (*got == 0) return text;
    text.append(buffer, *got);
  }
}

// stdout of a command that must succeed.
std::string Output(const ssh::Endpoint& endpoint, const std::string& command) {
  const auto session = Connect(endpoint);
  const auto channel = Exec(*session, command);
  const std::string text = ReadAll(*channel);
  auto status = channel->ExitStatus(In(20));
  REQUIRE(status.ok());
  CHECK(*status == 0);
  return text;
}

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST_CASE("root logs in by key and runs commands", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const ssh::Endpoint endpoint = Root(lab);
  const auto session = Connect(endpoint);
  CHECK(session->host_key() == endpoint.pinned_host_key);
  const std::pair<const char*, int> commands[] = {{"echo one; echo two >&2", 0},
                                                  {"echo one; echo two >&2; exit 7", 7},
                                                  {"echo one; echo two >&2; kill -9 $$", 128 + 9}};
  for (const auto& [command, exit_status] : commands) {
    const auto channel = Exec(*session, command);
    CHECK(ReadAll(*channel) == "one\n");
    auto status = channel->ExitStatus(In(20));
    REQUIRE(status.ok());
    CHECK(*status == exit_status);
    CHECK(channel->stderr_text() == "two\n");
  }
}

TEST_CASE("a session has many commands, one after the other, quickly", "[lab]") {
  const auto session = Connect(Root(Lab::Shared(1)));
  constexpr int kCommands = 50;
  const absl::Time begin = absl::Now();
  for (int i = 0; i < kCommands; ++i) {
    auto status = Exec(*session, "true")->ExitStatus(In(20));
    REQUIRE(status.ok());
  }
  // Without TCP_NODELAY it is above 40 ms.
  const absl::Duration each = (absl::Now() - begin) / kCommands;
  std::printf("exec: %s each\n", absl::FormatDuration(each).c_str());
  CHECK(each < absl::Milliseconds(35));
}

TEST_CASE("a pinned host key of any type is asked for and accepted", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  const std::string type = GENERATE("ed25519", "ecdsa", "rsa");
  ssh::Endpoint endpoint = Root(lab);
  endpoint.pinned_host_key = PinOf(lab.HostKey("h1", type));
  CHECK(Connect(endpoint)->host_key() == endpoint.pinned_host_key);
}

TEST_CASE("a host with another key is refused before anything secret is said", "[lab]") {
  const Lab& lab = Lab::Shared(2);
  ssh::Endpoint endpoint = ByPassword(lab);
  const std::string own = ssh::Fingerprint(PinOf(lab.HostKey("h1")));
  const std::string other = ssh::Fingerprint(PinOf(lab.HostKey("h2")));
  const bool as_fingerprint = GENERATE(false, true);
  endpoint.pinned_host_key = as_fingerprint ? other : PinOf(lab.HostKey("h2"));
  const absl::Status status = StatusOf(endpoint);
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(Reason(status) == "HOST_KEY_MISMATCH");
  CHECK_THAT(std::string(Message(status)), Catch::Contains(own) && Catch::Contains(other));
  const auto next = NextActionsOf(status);
  REQUIRE(next.size() == 2);
  CHECK(next[0].action() == v1::ACTION_UPDATE_MACHINE);
  CHECK(next[1].action() == v1::ACTION_REPLACE_MACHINE);
  for (const auto& action : next) CHECK(action.arguments().at("host_key_fingerprint") == own);
  endpoint.pinned_host_key = own;
  CHECK(StatusOf(endpoint).ok());
  endpoint.pinned_host_key = "rubbish";
  CHECK(Reason(StatusOf(endpoint)) == "BAD_HOST_KEY");
}

TEST_CASE("a host that lost the pinned type of key is a mismatch, not a failure", "[lab]") {
  const Lab& lab = Lab::Shared(2);
  ssh::Endpoint endpoint = Root(lab, "h2");
  endpoint.pinned_host_key = PinOf(lab.HostKey("h2", "ecdsa"));
  const SshdConfig config(lab, "h2", "HostKey /etc/ssh/ssh_host_rsa_key");
  const absl::Status status = StatusOf(endpoint);
  CHECK(Reason(status) == "HOST_KEY_MISMATCH");
  CHECK_THAT(std::string(Message(status)),
             Catch::Contains(ssh::Fingerprint(PinOf(lab.HostKey("h2", "rsa")))));
}

TEST_CASE("a password logs in, also as the answer to a question", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  ssh::Endpoint endpoint = ByPassword(lab);
  CHECK(Output(endpoint, "id -un") == "asked\n");
  const SshdConfig config(lab, "h1",
                          "PasswordAuthentication no\\nKbdInteractiveAuthentication yes\\n");
  CHECK(Output(endpoint, "id -un") == "asked\n");
  endpoint.password = "wrong";
  const absl::Status refused = StatusOf(endpoint);
  CHECK(Reason(refused) == "SSH_LOGIN_REFUSED");
  CHECK_THAT(std::string(Message(refused)), Catch::Contains("keyboard-interactive"));
}

TEST_CASE("a key and a password may both be needed", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  ssh::Endpoint endpoint = ByPassword(lab);
  auto pair = ssh::GenerateKeyPair("test");
  REQUIRE(pair.ok());
  const test::TempDir dir;
  lab.AddUser("h1", {.name = "asked", .public_key = dir.Write("key.pub", pair->public_key + "\n")});
  ssh::Endpoint key_only = endpoint;
  key_only.password = "";
  key_only.private_key = pair->private_key;
  CHECK(Output(key_only, "id -un") == "asked\n");
  const SshdConfig config(lab, "h1",
                          "Match User asked\\nAuthenticationMethods publickey,password\\n");
  CHECK(Reason(StatusOf(endpoint)) == "SSH_LOGIN_REFUSED");
  CHECK(Reason(StatusOf(key_only)) == "SSH_LOGIN_REFUSED");
  endpoint.private_key = pair->private_key;
  CHECK(Output(endpoint, "id -un") == "asked\n");
}

TEST_CASE("a refused login says what was tried and what the host offers", "[lab]") {
  const Lab& lab = Lab::Shared(1);
  ssh::Endpoint endpoint = ByPassword(lab);
  endpoint.password = "wrong";
  absl::Status status = StatusOf(endpoint);
  CHECK(absl::IsUnauthenticated(status));
  CHECK(Reason(status) == "SSH_LOGIN_REFUSED");
  CHECK_THAT(std::string(Message(status)),
             Catch::Contains("tried: password") && !Catch::Contains("wrong"));
  CHECK_THAT(Metadata(status, "offered"), Catch::Contains("publickey, password"));

  auto pair = ssh::GenerateKeyPair("test");
  REQUIRE(pair.ok());
  endpoint = Root(lab);
  endpoint.private_key = pair->private_key;
  status = StatusOf(endpoint);
  CHECK(Reason(status) == "SSH_LOGIN_REFUSED");
  CHECK_THAT(std::string(Message(status)), Catch::Contains(ssh::Fingerprint(pair->public_key)));
}

TEST_CASE("a host that is off, unplugged or frozen ends within the deadline", "[lab]") {
  const Lab& lab = Lab::Shared(2);
  const ssh::Endpoint endpoint = Root(lab, "h2");
  const std::string how = GENERATE("off", "unplugged", "frozen");
  INFO(how);
  if (how == "off") lab.PowerCut("h2");
  if (how == "unplugged") lab.Unplug("h2");
  if (how == "frozen") lab.FreezeSshd("h2");
  const absl::Time begin = absl::Now();
  const absl::Status status = StatusOf(endpoint, begin + absl::Milliseconds(1500));
  const absl::Duration took = absl::Now() - begin;
  if (how == "off") lab.Start("h2");
  if (how == "unplugged") lab.Plug("h2");
  if (how == "frozen") lab.ThawSshd("h2");
  CHECK(absl::IsUnavailable(status));
  CHECK(Reason(status) == "HOST_UNREACHABLE");
  CHECK(took < absl::Seconds(3));
}

TEST_CASE("much data goes through a channel, whole and at speed", "[lab]") {
  const auto session = Connect(Root(Lab::Shared(1)));
  std::string data(1 << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 2654435761u >> 23);
  constexpr int kMegabytes = 200;
  for (const char* sink : {"cat >/dev/null", "sha256sum"}) {
    const auto channel = Exec(*session, sink);
    const double cpu = CpuSeconds();
    const absl::Time begin = absl::Now();
    for (int i = 0; i < kMegabytes; ++i) {
      const absl::Status status = channel->Write(data, In(30));
      INFO(status.ToString());
      REQUIRE(status.ok());
    }
    REQUIRE(channel->CloseStdin().ok());
    const std::string said = ReadAll(*channel);
    const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
    std::printf("%d MiB to %s: %.2f s, %.0f MB/s, %.2f s of CPU here\n", kMegabytes, sink, seconds,
                kMegabytes * 1.048576 / seconds, CpuSeconds() - cpu);
    auto status = channel->ExitStatus(In(20));
    REQUIRE(status.ok());
    CHECK(*status == 0);
    if (said.empty()) continue;
    const test::TempDir dir;
    const std::string file = dir / "data";
    {
      std::ofstream out(file);
      for (int i = 0; i < kMegabytes; ++i) out << data;
    }
    std::FILE* pipe = popen(("sha256sum <" + file).c_str(), "r");
    REQUIRE(pipe != nullptr);
    char expected[256] = {};
    CHECK(std::fgets(expected, sizeof(expected), pipe) != nullptr);
    pclose(pipe);
    CHECK(said == expected);
  }
}

TEST_CASE("a command that talks while it listens blocks nobody", "[lab]") {
  const auto session = Connect(Root(Lab::Shared(1)));
  // More on stderr than any window holds, before it reads.
  const auto channel =
      Exec(*session, "head -c 20000000 /dev/zero | tr '\\0' x >&2; echo end >&2; wc -c");
  const absl::Status status = channel->Write(std::string(8 << 20, 'y'), In(30));
  INFO(status.ToString());
  REQUIRE(status.ok());
  REQUIRE(channel->CloseStdin().ok());
  CHECK(ReadAll(*channel) == "8388608\n");
  CHECK(channel->stderr_text().size() == std::size_t{16} * 1024);
  CHECK_THAT(channel->stderr_text(), Catch::EndsWith("xend\n"));
}

TEST_CASE("a command that ends early says why nothing can be written", "[lab]") {
  const auto session = Connect(Root(Lab::Shared(1)));
  const auto channel = Exec(*session, "echo out of luck >&2; exit 9");
  const absl::Status status = channel->Write(std::string(64 << 20, 'y'), In(30));
  CHECK(absl::IsUnavailable(status));
  CHECK(Reason(status) == "REMOTE_COMMAND_ENDED");
  CHECK_THAT(std::string(Message(status)), Catch::Contains("exit status 9: out of luck"));
  // The session is still of use.
  CHECK(ReadAll(*Exec(*session, "echo alive")) == "alive\n");
}

TEST_CASE("a command that neither reads, writes nor ends is left at the deadline", "[lab]") {
  const auto session = Connect(Root(Lab::Shared(1)));
  const auto channel = Exec(*session, "exec sleep 600");
  const absl::Time begin = absl::Now();
  char byte;
  CHECK(absl::IsDeadlineExceeded(channel->Read(&byte, 1, In(0.3)).status()));
  CHECK(absl::IsDeadlineExceeded(channel->ExitStatus(In(0.3)).status()));
  CHECK(absl::IsDeadlineExceeded(channel->Write(std::string(64 << 20, 'y'), In(0.3))));
  CHECK(absl::Now() - begin < absl::Seconds(2));
}

TEST_CASE("the end of a host ends what waits for it", "[lab]") {
  const Lab& lab = Lab::Shared(2);
  const std::string how = GENERATE("off", "unplugged");
  INFO(how);
  const auto session = Connect(Root(lab, "h2"));
  const auto channel = Exec(*session, "cat >/dev/null");
  if (how == "off") lab.PowerCut("h2");
  if (how == "unplugged") lab.Unplug("h2");
  const absl::Time begin = absl::Now();
  const absl::Status status = channel->Write(std::string(256 << 20, 'y'), absl::InfiniteFuture());
  const absl::Duration took = absl::Now() - begin;
  if (how == "off") lab.Start("h2");
  if (how == "unplugged") lab.Plug("h2");
  std::printf("%s: noticed after %s: %s\n", how.c_str(), absl::FormatDuration(took).c_str(),
              std::string(Message(status)).c_str());
  CHECK(absl::IsUnavailable(status));
  CHECK(took < absl::Seconds(30));
}

TEST_CASE("one thread a session, all hosts at once", "[lab]") {
  const Lab& lab = Lab::Shared(2);
  std::vector<std::thread> threads;
  std::vector<int> succeeded(16, 0);
  for (std::size_t i = 0; i < succeeded.size(); ++i) {
    const ssh::Endpoint endpoint = Root(lab, i % 2 == 0 ? "h1" : "h2");
    threads.emplace_back([&succeeded, endpoint, i] {
      auto session = ssh::Session::Connect(endpoint, In(30));
      if (!session.ok()) return;
      for (int round = 0; round < 5; ++round) {
        auto channel = (*session)->Exec("cat | wc -c", In(30));
        if (!channel.ok() || !(*channel)->Write(std::string(1 << 20, 'x'), In(30)).ok()) return;
        if (!(*channel)->CloseStdin().ok()) return;
        char text[64];
        auto got = (*channel)->Read(text, sizeof(text), In(30));
        if (got.ok() && std::string(text, *got) == "1048576\n") ++succeeded[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(succeeded == std::vector<int>(16, 5));
}

}  // namespace
}  // namespace dmgr::testing
