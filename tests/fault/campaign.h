// A campaign: faults at chosen moments of operations, and what has to be so afterwards.
#ifndef DMGR_TESTS_FAULT_CAMPAIGN_H_
#define DMGR_TESTS_FAULT_CAMPAIGN_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/fault/kill.h"
#include "tests/fault/state.h"
#include "tests/lab/spare.h"

namespace dmgr::testing {

/// In the order in which a cluster lives through them.
inline constexpr const char* kOperations[] = {
    "deploy",    "start",   "scale-out",  "patch",  "restart",  "revert",
    "reload",    "upgrade", "disable",    "enable", "scale-in", "move",
    "move-back", "repair",  "rotate-key", "stop",   "clean",    "destroy"};

struct Case {
  std::string operation;
  Kill kill{};
  /// The step fails, and the operation is rolled back; else dmgrd is killed and goes on.
  bool rollback = false;

  std::string Name() const;
};

/// What the environment asks for: DMGR_FAULT_OPERATION (all when empty), DMGR_FAULT_KILLS,
/// DMGR_FAULT_SEED.
struct CampaignOptions {
  std::string operation;
  /// 0: all.
  int kills = 0;
  std::uint32_t seed = 1;
  /// The short selection of the whole run: nobody said how many kills.
  bool is_short = false;
  static CampaignOptions FromEnvironment();
};

/// As many of them as the options ask for, drawn by the seed.
template <typename T>
std::vector<T> Drawn(std::vector<T> all, const CampaignOptions& options) {
  std::mt19937 random(options.seed);
  std::shuffle(all.begin(), all.end(), random);
  if (options.kills != 0) {
    all.resize(std::min(all.size(), static_cast<std::size_t>(options.kills)));
  }
  return all;
}

class Campaign {
 public:
  /// Runs every operation once, undisturbed: what others are compared with.
  Campaign(Site* site, CampaignOptions options);

  /// All combinations of operation, step and moment, shuffled by the seed, and kills at random
  /// moments when there are not enough; as many as asked for, in rounds of a cluster's life.
  std::vector<Case> KillCases() const;
  /// A failure before and after the effect of every step that may be rolled back.
  std::vector<Case> RollbackCases() const;

  /// Runs all cases; "" when nothing was lost and nothing differs, else what is wrong of each such
  /// case. Prints a line for each case, and the counts by operation and moment.
  std::string Run(const std::vector<Case>& cases);

 private:
  std::vector<std::string> Args(const std::string& operation) const;
  /// Gives the operation something to do, unless it has that.
  void MakeReady(const std::string& operation);
  /// Brings the cluster to where the operation begins.
  void Prepare(const std::string& operation);
  /// The operations that the options ask for.
  std::vector<std::string> Wanted() const;
  void StepForward();
  /// "" or what is wrong.
  std::string RunOne(const Case& one);

  State Now() const;

  Site* const site_;
  const CampaignOptions options_;
  /// Where "move" takes what is on the third host, until "move-back".
  const Spare spare_;
  const std::string topology_;
  /// What scale-out adds and scale-in takes away.
  const std::string more_;
  /// A dm-worker that the operation "patch" gives to all, and "revert" takes away.
  const std::string patch_;
  /// By operation: before it, after it, its steps and how long it took.
  std::map<std::string, State> before_;
  std::map<std::string, State> after_;
  std::map<std::string, std::vector<PlannedStep>> steps_;
  std::map<std::string, int> took_ms_;
  /// Where the cluster is now: the operation that comes next.
  std::string next_;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_FAULT_CAMPAIGN_H_
