// Asks a cluster all the time whether it has a leader.
#ifndef DMGR_TESTS_LAB_POLLER_H_
#define DMGR_TESTS_LAB_POLLER_H_

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "tests/lab/site.h"

namespace dmgr::testing {

// The dm-master that leads, by name; "" when there is none.
std::string LeaderOf(Site& site);

class Poller {
 public:
  struct Gaps {
    int answers = 0;
    // Without an answer that names a leader.
    std::chrono::milliseconds longest{0};
  };
  explicit Poller(Site& site);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  Gaps Stop();

 private:
  void Run();

  std::vector<std::string> addresses_;
  std::atomic<bool> stop_ = false;
  Gaps gaps_;
  std::thread thread_;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_POLLER_H_
