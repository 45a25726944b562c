// dmgrd is killed while stuck tasks are mended, what others made is adopted, relay logs come and
// go, and new dm-masters are given what the old ones kept: each is done once, and none is lost.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/fault/campaign.h"
#include "tests/fault/kill.h"
#include "tests/fault/mended.h"
#include "tests/support/eventually.h"

namespace dmgr::testing {
namespace {

// During one of the operations.
struct KilledMending {
  std::size_t mending = 0;
  Kill kill{};
};

class MendingCampaign {
 public:
  explicit MendingCampaign(const std::vector<std::string>& names)
      : mendings_(MendingsOf(&demo_, names)), wanted_(mendings_.size()) {}
  // The mendings have the address of the demo.
  MendingCampaign(const MendingCampaign&) = delete;
  MendingCampaign& operator=(const MendingCampaign&) = delete;

  MendedDemo& demo() { return demo_; }

  // At every moment of every step of each.
  std::vector<KilledMending> Kills(const CampaignOptions& options) {
    std::vector<KilledMending> kills;
    for (std::size_t i = 0; i < mendings_.size(); ++i) {
      mendings_[i].prepare();
      for (auto& kill : KillsOf(StepsOf(demo_.site(), mendings_[i].args()))) {
        kills.push_back({.mending = i, .kill = std::move(kill)});
      }
    }
    kills = Drawn(std::move(kills), options);
    std::ranges::stable_sort(kills, {}, &KilledMending::mending);
    return kills;
  }

  // Whatever step comes first has its effect, and nothing of it is recorded: one of each.
  std::vector<KilledMending> ShortKills() const {
    std::vector<KilledMending> kills;
    for (std::size_t i = 0; i < mendings_.size(); ++i) {
      kills.push_back({.mending = i, .kill = {.moment = "after_effect"}});
    }
    return kills;
  }

  // "" or what is wrong.
  std::string Run(const KilledMending& killed) {
    const Mending& mending = mendings_[killed.mending];
    const State& wanted = WantedOf(killed.mending);
    mending.prepare();
    const auto before = demo_.Counts();
    std::string wrong = RunKilled(demo_.site(), mending.args(), killed.kill, mending.is_sent_once);
    if (wrong.empty()) {
      Eventually(
          [&] {
            wrong = FirstDifference(wanted, demo_.Now(before, mending.founds_anew));
            return wrong.empty();
          },
          std::chrono::seconds(20));
    }
    return wrong.empty() ? ""
                         : fmt::format("{}, {} {}: {}", mending.name, killed.kill.moment,
                                       killed.kill.step, wrong);
  }

 private:
  // What an undisturbed run leads to.
  const State& WantedOf(std::size_t index) {
    State& wanted = wanted_[index];
    if (!wanted.empty()) return wanted;
    const Mending& mending = mendings_[index];
    // The first one leaves users and folders as all later ones find them.
    for (int round = mending.founds_anew ? 0 : 1; round < 2; ++round) {
      mending.prepare();
      const auto before = demo_.Counts();
      demo_.site().MustCtl(mending.args());
      wanted = demo_.Now(before, mending.founds_anew);
    }
    int changes = 0;
    for (const auto& [what, times] : wanted) {
      if (what.starts_with("done ")) changes += std::stoi(times);
    }
    INFO(mending.name);
    REQUIRE(changes == mending.changes);
    REQUIRE(wanted["operations"] == "1");
    return wanted;
  }

  MendedDemo demo_{&Site::Get()};
  const std::vector<Mending> mendings_;
  std::vector<State> wanted_;
};

// Of the whole run: those that DM would do twice if it were told twice, once each.
const std::vector<std::string> kShort = {"errors-skip", "errors-inject",    "errors-revert",
                                         "unlock",      "validation-start", "task-adopt"};

bool IsWanted(const CampaignOptions& options) {
  return options.operation.empty() ||
         std::ranges::find(kOperations, options.operation) == std::end(kOperations);
}

TEST_CASE("whenever dmgrd is killed while a migration is mended, each thing is done once",
          "[kill][mending]") {
  const CampaignOptions options = CampaignOptions::FromEnvironment();
  if (!IsWanted(options)) return;
  const bool is_short = options.is_short && options.operation.empty();
  MendingCampaign campaign(is_short                    ? kShort
                           : options.operation.empty() ? std::vector<std::string>{}
                                                       : std::vector{options.operation});
  const auto kills = is_short ? campaign.ShortKills() : campaign.Kills(options);
  REQUIRE_FALSE(kills.empty());
  std::string wrong;
  std::size_t done = 0;
  for (; done < kills.size() && wrong.empty(); ++done) wrong = campaign.Run(kills[done]);
  if (!wrong.empty()) fmt::print("seed {}: {}\n", options.seed, wrong);
  fmt::print("{} kills while migrations were mended, {} lost or different\n", done,
             wrong.empty() ? 0 : 1);
  CHECK(wrong == "");
  if (wrong.empty()) campaign.demo().GoHome();
}

}  // namespace
}  // namespace dmgr::testing
