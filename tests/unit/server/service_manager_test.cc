#include "server/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <string>

namespace dmgr {
namespace {

// What systemd would hear.
class Manager {
 public:
  Manager() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    // An abstract socket: its name is the kernel's choice, and nothing of it stays.
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) == 0);
    socklen_t size = sizeof(address);
    REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const std::string name(address.sun_path + 1, size - offsetof(sockaddr_un, sun_path) - 1);
    setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  }
  ~Manager() {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    close(fd_);
  }
  // The next message.
  std::string Hear() const {
    char text[512];
    const ssize_t size = recv(fd_, text, sizeof(text), 0);
    return size < 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
  }

 private:
  const int fd_;
};

TEST_CASE("without a service manager nothing is told") {
  unsetenv("NOTIFY_SOCKET");
  TellReady();
  CHECK(AlivePeriod() == absl::InfiniteDuration());
}

TEST_CASE("a service manager hears what dmgrd does") {
  const Manager manager;
  TellStatus("one\ntwo");
  CHECK(manager.Hear() == "STATUS=one two");
  TellReady();
  CHECK(manager.Hear() == "READY=1");
  TellAlive();
  CHECK(manager.Hear() == "WATCHDOG=1");
  TellStopping();
  CHECK(manager.Hear() == "STOPPING=1");
}

TEST_CASE("a start that takes long asks for more time again and again") {
  const Manager manager;
  const StartExtension extension(absl::Milliseconds(20));
  for (int i = 0; i < 3; ++i) CHECK(manager.Hear() == "EXTEND_TIMEOUT_USEC=60000");
}

TEST_CASE("how often systemd wants to hear that dmgrd lives is its own word") {
  const Manager manager;
  CHECK(AlivePeriod() == absl::InfiniteDuration());
  setenv("WATCHDOG_USEC", "120000000", 1);
  CHECK(AlivePeriod() == absl::Minutes(2));
}

}  // namespace
}  // namespace dmgr
