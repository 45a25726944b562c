#ifndef DMGR_TESTS_SUPPORT_EVENTUALLY_H_
#define DMGR_TESTS_SUPPORT_EVENTUALLY_H_

#include <chrono>
#include <functional>
#include <thread>

namespace dmgr::testing {

/// Asks until it is true; false when it is not within the limit.
inline bool Eventually(const std::function<bool()>& done,
                       std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_EVENTUALLY_H_
