#include "tests/fault/campaign.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <utility>

#include "tests/lab/program.h"

namespace dmgr::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kNewVersion[] = "v7.5.2";
// Of the instances that come and go, beside the ports of the others.
constexpr int kShift = 100;
// What "repair" mends.
constexpr char kDamage[] =
    "rm -f /dm-deploy/dm-worker-8262/conf/dm-worker.toml; systemctl stop dm-worker-8262.service";
// Of a full run, beside all combinations.
constexpr std::size_t kRandomKills = 40;

std::string FromEnvironmentOr(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

std::string WriteMore(const Site& site) {
  const std::string& host = site.Address("h1");
  return site.WriteFile(
      "more.yaml", fmt::format("master_servers:\n  - {{host: {0}, port: {1}, peer_port: {2}}}\n"
                               "worker_servers:\n  - {{host: {0}, port: {3}}}\n",
                               host, 8261 + kShift, 8291 + kShift, 8262 + kShift));
}

std::size_t Position(const std::string& operation) {
  return static_cast<std::size_t>(
      std::find(std::begin(kOperations), std::end(kOperations), operation) -
      std::begin(kOperations));
}

// The first of each operation, the second of each, ...: so that few operations only lead to others.
std::vector<Case> InRounds(const std::vector<Case>& cases) {
  std::map<std::string, std::size_t> seen;
  std::vector<std::pair<std::size_t, Case>> numbered;
  for (const Case& one : cases) {
    const std::size_t round = seen[one.operation]++;
    numbered.emplace_back(round * std::size(kOperations) + Position(one.operation), one);
  }
  std::stable_sort(numbered.begin(), numbered.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Case> ordered;
  for (auto& [place, one] : numbered) ordered.push_back(std::move(one));
  return ordered;
}

// By the operation's position and the moment.
using Counts = std::map<std::pair<std::size_t, std::string>, int>;

// The table of README.md.
void PrintCounts(const Counts& counts) {
  constexpr const char* kColumns[] = {"claimed", "before_effect", "after_effect", "committed",
                                      "random"};
  fmt::print("| operation | {} |\n| --- | --- | --- | --- | --- | --- |\n",
             fmt::join(kColumns, " | "));
  for (std::size_t i = 0; i < std::size(kOperations); ++i) {
    fmt::print("| {} |", kOperations[i]);
    for (const char* column : kColumns) {
      const auto found = counts.find({i, column});
      fmt::print(" {} |", found == counts.end() ? 0 : found->second);
    }
    fmt::print("\n");
  }
}

}  // namespace

std::string Case::Name() const {
  if (kill.moment == "random") {
    return fmt::format("{}: killed after {} ms", operation, kill.delay_ms);
  }
  return fmt::format("{}: {} {} of {}", operation, rollback ? "fails" : "killed", kill.moment,
                     kill.step.empty() ? "the first step" : kill.step);
}

CampaignOptions CampaignOptions::FromEnvironment() {
  CampaignOptions options;
  options.operation = FromEnvironmentOr("DMGR_FAULT_OPERATION", "");
  options.is_short = FromEnvironmentOr("DMGR_FAULT_KILLS", "").empty();
  options.kills = std::stoi(FromEnvironmentOr("DMGR_FAULT_KILLS", "8"));
  options.seed = static_cast<std::uint32_t>(std::stoul(FromEnvironmentOr("DMGR_FAULT_SEED", "1")));
  return options;
}

Campaign::Campaign(Site* site, CampaignOptions options)
    : site_(site),
      options_(std::move(options)),
      spare_(*site),
      topology_(site->WriteTopology()),
      more_(WriteMore(*site)),
      patch_(Program(*site, "dm-worker", "dm-worker-fixed")),
      next_(kOperations[0]) {
  site_->EnsureNoCluster();
  site_->EnsurePackage(kNewVersion);
  // Twice: the first one leaves users and folders in the state in which all later ones find them.
  for (int round = 0; round < 2; ++round) {
    State now = Now();
    for (const std::string operation : kOperations) {
      MakeReady(operation);
      if (operation == "reload" || operation == "repair") now = Now();
      steps_[operation] = StepsOf(*site_, Args(operation));
      before_[operation] = now;
      const auto begin = Clock::now();
      site_->MustCtl(Args(operation));
      took_ms_[operation] = static_cast<int>(
          std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count());
      after_[operation] = now = Now();
    }
  }
}

std::vector<std::string> Campaign::Args(const std::string& operation) const {
  std::vector<std::string> args = {"cluster", operation, kDemo};
  if (operation == "start") return args;
  if (operation == "move") return MoveOf(site_->Address("h3"), spare_.address());
  if (operation == "move-back") {
    const std::string pair = spare_.address() + "=" + site_->Address("h3");
    return {"cluster", "move", kDemo, "--to", pair, "--yes"};
  }
  if (operation == "patch") args.push_back(patch_);
  if (operation == "revert") args = {"cluster", "patch", kDemo, "--revert"};
  if (operation == "deploy") args.insert(args.end(), {kVersion, topology_, "--user-login"});
  if (operation == "scale-out") args.push_back(more_);
  if (operation == "clean") args.push_back("--all");
  if (operation == "upgrade") args.push_back(kNewVersion);
  if (operation == "scale-in") {
    for (const int port : {8261 + kShift, 8262 + kShift}) {
      args.insert(args.end(), {"--node", fmt::format("{}:{}", site_->Address("h1"), port)});
    }
  }
  args.push_back("--yes");
  return args;
}

State Campaign::Now() const {
  auto hosts = Site::Hosts();
  hosts.emplace_back("h4");
  return ReadState(*site_, hosts);
}

void Campaign::MakeReady(const std::string& operation) {
  if (operation == "repair") site_->lab().Ssh("h1", kDamage);
  if (operation != "reload") return;
  std::string text = site_->MustCtl({"cluster", "show-config", kDemo}).out;
  if (text.find("server_configs") != std::string::npos) return;
  text += "server_configs:\n  worker:\n    keepalive-ttl: 45\n";
  site_->MustCtl(
      {"cluster", "edit-config", kDemo, "--yes", "--file", site_->WriteFile("changed.yaml", text)});
}

std::vector<std::string> Campaign::Wanted() const {
  if (!options_.operation.empty()) return {options_.operation};
  return {std::begin(kOperations), std::end(kOperations)};
}

void Campaign::StepForward() {
  next_ = kOperations[(Position(next_) + 1) % std::size(kOperations)];
}

void Campaign::Prepare(const std::string& operation) {
  REQUIRE(Position(operation) < std::size(kOperations));
  for (; next_ != operation; StepForward()) {
    MakeReady(next_);
    site_->MustCtl(Args(next_));
  }
  MakeReady(operation);
}

std::vector<Case> Campaign::KillCases() const {
  std::vector<Case> cases;
  const auto operations = Wanted();
  for (const auto& operation : operations) {
    for (auto& kill : KillsOf(steps_.at(operation))) {
      cases.push_back({.operation = operation, .kill = std::move(kill)});
    }
  }
  std::mt19937 random(options_.seed);
  std::shuffle(cases.begin(), cases.end(), random);
  const auto wanted =
      options_.kills == 0 ? cases.size() + kRandomKills : static_cast<std::size_t>(options_.kills);
  while (!cases.empty() && cases.size() < wanted) {
    const std::string& operation = operations[random() % operations.size()];
    const int delay = static_cast<int>(random() % static_cast<unsigned>(took_ms_.at(operation)));
    cases.push_back(
        {.operation = operation, .kill = {.moment = "random", .step = {}, .delay_ms = delay}});
  }
  cases.resize(std::min(cases.size(), wanted));
  return InRounds(cases);
}

std::vector<Case> Campaign::RollbackCases() const {
  std::vector<Case> cases;
  for (const auto& operation : Wanted()) {
    for (const auto& step : steps_.at(operation)) {
      for (const char* moment : {"before_effect", "after_effect"}) {
        // What a repair has mended stays mended.
        if (!step.may_go_back || operation == "repair") continue;
        cases.push_back({.operation = operation,
                         .kill = {.moment = moment, .step = step.id},
                         .rollback = true});
      }
    }
  }
  cases = Drawn(std::move(cases), options_);
  // A rollback leads back to where the next of the same operation begins.
  std::stable_sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) {
    return Position(a.operation) < Position(b.operation);
  });
  return cases;
}

std::string Campaign::RunOne(const Case& one) {
  Prepare(one.operation);
  const auto args = Args(one.operation);
  std::string wrong =
      one.rollback ? RunRolledBack(*site_, args, one.kill) : RunKilled(*site_, args, one.kill);
  if (wrong.empty()) {
    const State& wanted = (one.rollback ? before_ : after_).at(one.operation);
    const std::string difference = FirstDifference(wanted, Now());
    if (!difference.empty()) wrong = "different: " + difference;
  } else {
    wrong = "lost: " + wrong;
  }
  if (wrong.empty() && one.rollback) return "";
  if (wrong.empty()) {
    StepForward();
    return "";
  }
  // The next case begins anew.
  site_->EnsureNoCluster();
  next_ = kOperations[0];
  return wrong;
}

std::string Campaign::Run(const std::vector<Case>& cases) {
  Counts counts;
  int lost = 0;
  int different = 0;
  std::string all;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string wrong = RunOne(cases[i]);
    ++counts[{Position(cases[i].operation), cases[i].kill.moment}];
    fmt::print("{}/{} {}{}\n", i + 1, cases.size(), cases[i].Name(),
               wrong.empty() ? "" : ": WRONG");
    std::fflush(stdout);
    if (wrong.empty()) continue;
    ++(wrong.rfind("lost", 0) == 0 ? lost : different);
    const std::string what =
        fmt::format("{}, seed {}: {}\n", cases[i].Name(), options_.seed, wrong);
    fmt::print("{}", what);
    all += what;
  }
  PrintCounts(counts);
  const char* name = !cases.empty() && cases[0].rollback ? "rollbacks" : "kills";
  fmt::print("{} {}, {} lost, {} different\n", cases.size(), name, lost, different);
  return all;
}

}  // namespace dmgr::testing
