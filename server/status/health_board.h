// How clusters are, for lists of many.
#ifndef DMGR_SERVER_STATUS_HEALTH_BOARD_H_
#define DMGR_SERVER_STATUS_HEALTH_BOARD_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "server/dm/client.h"
#include "server/status/member_count.h"
#include "server/topology/topology.h"

namespace dmgr::status {

// A list waits for no host that is dead: it is told what was seen lately, and what is not known yet
// is waited for a moment only. Clusters are looked at because somebody asks, once for all who do,
// and not at all while nobody does. Thread-safe.
class HealthBoard {
 public:
  // Of all components together. Called by several threads; ends soon once `cancelled` says so.
  using Look =
      std::function<MemberCount(const topology::Cluster& cluster, const dm::Cancelled& cancelled)>;
  struct Times {
    // What is younger is told, and nobody looks anew.
    absl::Duration fresh = absl::Seconds(3);
    // What is younger is told while somebody looks anew; what is older is not known any more.
    absl::Duration usable = absl::Seconds(30);
    // How long who asks waits for what is not known.
    absl::Duration patience = absl::Seconds(1);
  };
  struct Seen {
    MemberCount members;
    absl::Time when;
  };

  explicit HealthBoard(Look look) : HealthBoard(std::move(look), Times()) {}
  HealthBoard(Look look, const Times& times);
  // Ends looks that are under way.
  ~HealthBoard();
  HealthBoard(const HealthBoard&) = delete;
  HealthBoard& operator=(const HealthBoard&) = delete;

  // By uuid; without those of which nothing is known yet.
  std::map<std::string, Seen> Ask(const std::vector<topology::Cluster>& clusters);

 private:
  struct Entry {
    // By the steady clock; infinite past: nobody has looked.
    absl::Time looked = absl::InfinitePast();
    Seen seen{};
    // It waits for a look, or is looked at.
    bool is_due = false;
  };

  bool IsKnown(const topology::Cluster& cluster) const;
  // A thread for each that waits, as far as there may be so many.
  void CallHelp();
  void Run();

  const Look look_;
  const Times times_;
  std::mutex mutex_;  // Guards all below.
  std::condition_variable changed_;
  std::map<std::string, Entry> entries_;
  std::deque<topology::Cluster> waiting_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace dmgr::status

#endif  // DMGR_SERVER_STATUS_HEALTH_BOARD_H_
