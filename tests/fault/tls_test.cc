// dmgrd is killed, or a step fails, while a running cluster begins to speak TLS or ceases to.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/fault/campaign.h"
#include "tests/fault/kill.h"
#include "tests/fault/state.h"

namespace dmgr::testing {
namespace {

/// One of "enable" and "disable", from where the other one leads.
struct Switch {
  std::string name;
  std::vector<PlannedStep> steps{};
  State after{};

  std::vector<std::string> Args() const { return {"cluster", "tls", name, kDemo, "--yes"}; }
};

class TlsCampaign {
 public:
  explicit TlsCampaign(Site* site) : site_(site) {
    site_->EnsureNoCluster();
    site_->MustCtl({"cluster", "deploy", kDemo, kVersion, site_->WriteTopology(), "--yes"});
    site_->MustCtl({"cluster", "start", kDemo});
    // Twice: the first time leaves the hosts as all later ones find them.
    for (int round = 0; round < 2; ++round) {
      for (Switch& one : switches_) {
        one.steps = StepsOf(*site_, one.Args());
        site_->MustCtl(one.Args());
        one.after = ReadState(*site_);
      }
    }
  }

  /// At every moment of every step, shuffled; both in turn as long as there are some of both.
  std::vector<Case> Kills(const CampaignOptions& options) const {
    std::mt19937 random(options.seed);
    std::vector<std::vector<Case>> of_each;
    for (const Switch& one : switches_) {
      std::vector<Case>& cases = of_each.emplace_back();
      for (auto& kill : KillsOf(one.steps)) {
        cases.push_back({.operation = one.name, .kill = std::move(kill)});
      }
      std::shuffle(cases.begin(), cases.end(), random);
    }
    std::vector<Case> cases;
    for (std::size_t i = 0; i < std::max(of_each[0].size(), of_each[1].size()); ++i) {
      for (const auto& some : of_each) {
        if (i < some.size()) cases.push_back(some[i]);
      }
    }
    if (options.kills != 0) {
      cases.resize(std::min(cases.size(), static_cast<std::size_t>(options.kills)));
    }
    return cases;
  }

  /// A failure before and after the effect of every step that may be rolled back.
  std::vector<Case> Rollbacks(const CampaignOptions& options) const {
    std::vector<Case> cases;
    for (const Switch& one : switches_) {
      for (const auto& step : one.steps) {
        if (!step.may_go_back) continue;
        for (const char* moment : {"before_effect", "after_effect"}) {
          cases.push_back({.operation = one.name,
                           .kill = {.moment = moment, .step = step.id},
                           .rollback = true});
        }
      }
    }
    cases = Drawn(std::move(cases), options);
    std::ranges::stable_sort(cases, {}, &Case::operation);
    return cases;
  }

  /// "" or what is wrong.
  std::string Run(const Case& one) {
    Switch& wanted = Find(one.operation);
    Switch& other = Find(one.operation == "enable" ? "disable" : "enable");
    if (next_ != wanted.name) site_->MustCtl(other.Args());
    next_ = one.rollback ? wanted.name : other.name;
    std::string wrong = one.rollback ? RunRolledBack(*site_, wanted.Args(), one.kill)
                                     : RunKilled(*site_, wanted.Args(), one.kill);
    if (wrong.empty() && !site_->IsHealthy()) wrong = "not healthy";
    if (wrong.empty()) {
      wrong = FirstDifference(one.rollback ? other.after : wanted.after, ReadState(*site_));
    }
    return wrong.empty() ? "" : one.Name() + ": " + wrong;
  }

 private:
  Switch& Find(const std::string& name) {
    return *std::ranges::find(switches_, name, &Switch::name);
  }

  Site* const site_;
  std::vector<Switch> switches_ = {{.name = "enable"}, {.name = "disable"}};
  /// What leads on from where the cluster is.
  std::string next_ = "enable";
};

TEST_CASE("whenever dmgrd is killed while TLS comes or goes, the cluster ends whole",
          "[.][kill][tls]") {
  const CampaignOptions options = CampaignOptions::FromEnvironment();
  TlsCampaign campaign(&Site::Get());
  auto cases = campaign.Kills(options);
  const auto rollbacks = campaign.Rollbacks(options);
  cases.insert(cases.end(), rollbacks.begin(), rollbacks.end());
  int wrong = 0;
  for (const Case& one : cases) {
    const std::string what = campaign.Run(one);
    fmt::print("{}{}\n", one.Name(), what.empty() ? "" : ": WRONG\n" + what);
    std::fflush(stdout);
    CHECK(what == "");
    // Where the cluster is now nobody knows.
    if (!what.empty() && ++wrong > 0) break;
  }
  fmt::print("{} kills and rollbacks while TLS came or went, {} wrong\n", cases.size(), wrong);
}

}  // namespace
}  // namespace dmgr::testing
