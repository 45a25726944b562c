// A dmgrd that goes away in the middle of something.
#ifndef DMGR_CLIENT_PROGRESS_OUTAGE_H_
#define DMGR_CLIENT_PROGRESS_OUTAGE_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/terminal.h"

namespace dmgr::client {

// Waits for dmgrd, or another one in its place, to come back. Not thread-safe.
class Outage {
 public:
  explicit Outage(Terminal* terminal) : terminal_(terminal) {}

  // Says once on stderr what happened and that `comfort` holds, and waits a moment. False when it
  // has lasted for two minutes.
  bool Wait(const absl::Status& status, const char* comfort);
  // dmgrd is back: what comes next is another outage.
  void Over() { until_ = absl::InfiniteFuture(); }

 private:
  Terminal* const terminal_;
  absl::Time until_ = absl::InfiniteFuture();
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_PROGRESS_OUTAGE_H_
