// What dmgrd tells systemd about itself (see deploy/dmgrd.service). All do nothing when it was not
// started by systemd, that is, without NOTIFY_SOCKET in the environment.
#ifndef DMGR_SERVER_SERVICE_MANAGER_H_
#define DMGR_SERVER_SERVICE_MANAGER_H_

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "absl/time/time.h"

namespace dmgr {

// A line for `systemctl status`.
void TellStatus(const std::string& status);
// It serves.
void TellReady();
void TellStopping();
// It does not hang: to be told more often than every AlivePeriod.
void TellAlive();
// InfiniteDuration when systemd does not watch.
absl::Duration AlivePeriod();

// Asks for more time, for as long as it lives, while something goes on that may take longer than
// systemd gives a start.
class StartExtension {
 public:
  // At once and then every `period`, each time for three of them.
  explicit StartExtension(absl::Duration period = absl::Seconds(10));
  ~StartExtension();
  StartExtension(const StartExtension&) = delete;
  StartExtension& operator=(const StartExtension&) = delete;

 private:
  const absl::Duration period_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace dmgr

#endif  // DMGR_SERVER_SERVICE_MANAGER_H_
