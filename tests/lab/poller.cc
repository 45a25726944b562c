#include "tests/lab/poller.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "server/dm/client.h"

namespace dmgr::testing {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

std::string LeaderOf(Site& site) {
  const auto status = site.Status();
  for (const auto& instance : status["instances"]) {
    if (instance["leader"] == true) return instance["name"];
  }
  return "";
}

Poller::Poller(Site& site) {
  for (const auto& host : Site::Hosts()) addresses_.push_back(site.Address(host) + ":8261");
  thread_ = std::thread([this] { Run(); });
}

Poller::~Poller() { Stop(); }

Poller::Gaps Poller::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  return gaps_;
}

// As a client does that knows all dm-masters: one that does not answer is left for the next.
void Poller::Run() {
  auto last = Clock::now();
  std::size_t at = 0;
  while (!stop_) {
    dm::Client client({addresses_[at]});
    const auto members = client.GetMembers(absl::Now() + absl::Seconds(2));
    if (members.ok() && !members->leader_name.empty()) {
      const auto now = Clock::now();
      gaps_.longest = std::max(gaps_.longest,
                               std::chrono::duration_cast<std::chrono::milliseconds>(now - last));
      last = now;
      ++gaps_.answers;
    } else {
      at = (at + 1) % addresses_.size();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  gaps_.longest = std::max(
      gaps_.longest, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - last));
}

}  // namespace dmgr::testing
