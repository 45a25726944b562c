#include "server/databases/watch.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "common/steady_time.h"
#include "common/thread_pool.h"

namespace dmgr::databases {

Watch::~Watch() {
  done_.Notify();
  if (waiter_.joinable()) waiter_.join();
  if (socket_ >= 0) close(socket_);
}

void Watch::Read(int socket, std::size_t bytes) {
  if (socket_ < 0 && socket >= 0 && !Start(socket)) {
    why_ = "dmgrd has no file or thread left to watch it";
    shutdown(socket, SHUT_RDWR);
  }
  bytes_ += bytes;
  if (bytes_ > kMaxAnswer) ShutDown("it sends without end");
}

bool Watch::Start(int socket) {
  socket_ = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (socket_ < 0) return false;
  auto waiter = StartThread([this] {
    const absl::Duration left = deadline_ - SteadyNow();
    if (!done_.WaitForNotificationWithTimeout(left)) ShutDown("it took too long");
  });
  if (!waiter.ok()) return false;
  waiter_ = *std::move(waiter);
  return true;
}

void Watch::ShutDown(const char* why) {
  why_ = why;
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

}  // namespace dmgr::databases
