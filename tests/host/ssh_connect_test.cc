#include <arpa/inet.h>
#include <dirent.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "absl/time/clock.h"
#include "common/address.h"
#include "common/error.h"
#include "server/ssh/session.h"
#include "server/ssh/tcp.h"

namespace dmgr::ssh {
namespace {

// Listens on a port of 127.0.0.1 and says at most `words` to those who connect, and to the first
// ones, as many as `silent`, nothing.
class Listener {
 public:
  explicit Listener(std::string words = "", bool hang_up = false, int silent = 0)
      : words_(std::move(words)), silent_(silent) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd_, 8) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no listener");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, hang_up] { Serve(hang_up); });
  }
  ~Listener() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  int port() const { return port_; }

 private:
  void Serve(bool hang_up) {
    while (true) {
      const int client = accept(fd_, nullptr, nullptr);
      if (client < 0) return;
      const bool is_silent = silent_-- > 0;
      if (!is_silent) send(client, words_.data(), words_.size(), MSG_NOSIGNAL);
      char ignored[4096];
      while ((is_silent || !hang_up) && recv(client, ignored, sizeof(ignored), 0) > 0) {
      }
      close(client);
    }
  }

  const std::string words_;
  int silent_;
  const int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
  std::thread thread_;
};

absl::Status Connect(const std::string& host, int port, absl::Duration time) {
  const Endpoint endpoint{.host = host, .port = port, .user = "root"};
  return Session::Connect(endpoint, absl::Now() + time).status();
}

int OpenFiles() {
  int count = 0;
  DIR* dir = opendir("/proc/self/fd");
  while (readdir(dir) != nullptr) ++count;
  closedir(dir);
  return count;
}

TEST_CASE("a port on which nobody listens is unreachable at once") {
  const std::string host = GENERATE("127.0.0.1", "::1", "localhost");
  const absl::Status status = Connect(host, 1, absl::Seconds(30));
  CHECK(absl::IsUnavailable(status));
  CHECK(Reason(status) == "HOST_UNREACHABLE");
  CHECK(Metadata(status, "host") == JoinHostPort(host, 1));
  CHECK_FALSE(Metadata(status, "remedy").empty());
  if (host != "::1") {
    CHECK_THAT(std::string(Message(status)), Catch::Contains("Connection refused"));
  }
}

TEST_CASE("a host that cannot be reached ends at the deadline at the latest") {
  // An address of the range for benchmarks, which is nobody's.
  const absl::Time begin = absl::Now();
  const absl::Status status = Connect("198.19.255.254", 22, absl::Milliseconds(300));
  CHECK(Reason(status) == "HOST_UNREACHABLE");
  CHECK(absl::Now() - begin < absl::Seconds(2));
}

TEST_CASE("a server that says nothing, or what is not SSH, ends within the deadline") {
  const std::string words =
      GENERATE("", "SSH-2.0-Sleepy\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\x16\x03\x01\x02");
  const bool hang_up = GENERATE(false, true);
  INFO(words << hang_up);
  const Listener listener(words, hang_up);
  const int files = OpenFiles();
  const absl::Time begin = absl::Now();
  const absl::Status status = Connect("127.0.0.1", listener.port(), absl::Milliseconds(300));
  CHECK(absl::IsUnavailable(status));
  CHECK(Reason(status) == "HOST_UNREACHABLE");
  CHECK(absl::Now() - begin < absl::Seconds(2));
  // The listener may not have closed its side yet.
  CHECK(OpenFiles() <= files + 1);
}

TEST_CASE("how far a server came that does not end the handshake is told") {
  const auto [words, told] = GENERATE(
      table<std::string, std::string>({{"", "does not answer as an SSH server"},
                                       {"SSH-2.0-Sleepy\r\n", "greets as SSH-2.0-Sleepy"}}));
  const Listener listener(words);
  const absl::Status status = Connect("127.0.0.1", listener.port(), absl::Milliseconds(300));
  CHECK_THAT(std::string(Message(status)),
             Catch::Contains(told) && Catch::Matches(".* within [0-9.]+ s"));
}

TEST_CASE("a connection that gets no answer is followed by another one") {
  const Listener listener("HTTP/1.1 400 Bad Request\r\n\r\n", true, 1);
  const absl::Status status = Connect("127.0.0.1", listener.port(), absl::Minutes(2));
  INFO(status);
  CHECK(Reason(status) == "HOST_UNREACHABLE");
  CHECK_THAT(std::string(Message(status)), !Catch::Contains("within"));
}

TEST_CASE("a connection that is not wanted any more ends soon") {
  const Listener silent;
  const absl::Time begin = absl::Now();
  Endpoint endpoint{.host = "127.0.0.1", .port = silent.port(), .user = "root"};
  SECTION("no SSH") {}
  SECTION("no answer") {
    endpoint.host = "198.19.255.254";
    endpoint.port = 22;
  }
  const auto cancelled = [&] { return absl::Now() - begin > absl::Milliseconds(100); };
  const absl::Status status =
      Session::Connect(endpoint, begin + absl::Minutes(1), cancelled).status();
  INFO(status);
  // Without a route to the other one the network says so at once.
  CHECK((absl::IsCancelled(status) || endpoint.port == 22));
  CHECK(absl::Now() - begin < absl::Seconds(5));
}

TEST_CASE("what a foreign server says cannot spoil the message") {
  const Listener listener("SSH-1.5-\x1b[31m\xFF\xFE\r\n");
  const absl::Status status = Connect("127.0.0.1", listener.port(), absl::Seconds(1));
  CHECK(Reason(status) == "HOST_UNREACHABLE");
  CHECK(Message(status).find('\x1b') == std::string_view::npos);
  CHECK(Message(status).find('\xFF') == std::string_view::npos);
}

TEST_CASE("addresses are written so that they can be read") {
  CHECK(JoinHostPort("db1", 22) == "db1:22");
  CHECK(JoinHostPort("10.0.0.1", 2222) == "10.0.0.1:2222");
  CHECK(JoinHostPort("fe80::1", 22) == "[fe80::1]:22");
}

TEST_CASE("a poll does not spin before its deadline, nor wait for ever") {
  CHECK(PollMilliseconds(absl::InfinitePast()) == 0);
  CHECK(PollMilliseconds(absl::Now() + absl::Microseconds(300)) == 1);
  CHECK(PollMilliseconds(absl::InfiniteFuture()) == 60001);
}

}  // namespace
}  // namespace dmgr::ssh
