// What a database may take of time and send in bytes, whatever the library waits for.
#ifndef DMGR_SERVER_DATABASES_WATCH_H_
#define DMGR_SERVER_DATABASES_WATCH_H_

#include <atomic>
#include <cstddef>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace dmgr::databases {

// Of one connection: its socket is shut down at the deadline, which counts SteadyNow(), and by more
// than kMaxAnswer bytes of one answer. What the library is at then fails.
class Watch {
 public:
  explicit Watch(absl::Time deadline) : deadline_(deadline) {}
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  absl::Time deadline() const { return deadline_; }
  // The bytes of the next answer count from here.
  void Begin() { bytes_ = 0; }
  // For each read of the library; the first begins the watch of the socket.
  void Read(int socket, std::size_t bytes);
  // Why the socket was shut down; nullptr when it was not.
  const char* why() const { return why_; }

 private:
  bool Start(int socket);
  void ShutDown(const char* why);

  const absl::Time deadline_;
  // A number of its own: the library may close its own at any time, and another take it.
  int socket_ = -1;
  std::size_t bytes_ = 0;
  std::atomic<const char*> why_ = nullptr;
  absl::Notification done_;
  std::thread waiter_;
};

inline constexpr std::size_t kMaxAnswer = 64 << 20;

}  // namespace dmgr::databases

#endif  // DMGR_SERVER_DATABASES_WATCH_H_
