// dmgrd is killed while sources and tasks are changed: none is lost, none differs from what DM has.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "tests/fault/campaign.h"
#include "tests/lab/migrating.h"
#include "tests/lab/site.h"
#include "tests/support/eventually.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

constexpr int kMostDelay = 800;
constexpr std::size_t kAtRandom = 30;

// What there is when an operation has ended.
struct Wanted {
  bool has_source = true;
  // Empty: there is no task.
  std::string stage{};
  bool has_change = false;
};

struct Change {
  std::string name;
  std::vector<std::string> args;
  Wanted after{};
};

// In the order in which a task lives through them.
std::vector<Change> LifeOfATask(Site& site) {
  const std::string password = site.WriteFile("fault.password", "pa55-of-a-database\n");
  const auto task = [&](const std::string& more) {
    return site.WriteFile(more.empty() ? "fault.yaml" : "fault-changed.yaml",
                          "name: fault\ntask-mode: all\n" + more +
                              "target-database: {host: 127.0.0.1, port: 4000, user: root, "
                              "password: pa55-of-a-target}\nmysql-instances:\n- source-id: f1\n");
  };
  const auto of_task = [](const std::string& verb) {
    return std::vector<std::string>{"task", verb, kDemo, "fault"};
  };
  const Wanted runs = {.stage = "RUNNING"};
  const Wanted changed = {.stage = "RUNNING", .has_change = true};
  return {{"create-source",
           {"source", "create", kDemo, "--id", "f1", "--host", "127.0.0.1", "--port", "3306",
            "--user", "repl", "--password-file", password, "--skip-checks", "--yes"}},
          {"create-task", {"task", "create", kDemo, task(""), "--yes"}, runs},
          {"pause-task", of_task("pause"), {.stage = "PAUSED"}},
          {"resume-task", of_task("resume"), runs},
          {"update-task", {"task", "update", kDemo, task("case-sensitive: true\n")}, changed},
          {"stop-task", of_task("stop"), {.stage = "STOPPED", .has_change = true}},
          {"start-task", of_task("start"), changed},
          {"rebuild", {"cluster", "rebuild", kDemo, "--force"}, changed},
          {"delete-task", of_task("delete")},
          {"delete-source", {"source", "delete", kDemo, "f1"}, {.has_source = false}}};
}

// Nobody is asked whether it may start or go on.
std::vector<std::string> Agreed(const Change& change) {
  auto args = change.args;
  const bool asks = change.name != "start-task" && change.name != "resume-task";
  if (asks && args.back() != "--yes") args.emplace_back("--yes");
  return args;
}

// During one of them.
struct KilledChange {
  std::size_t change = 0;
  Kill kill{};
};

class MigrationCampaign {
 public:
  explicit MigrationCampaign(Site* site) : site_(*site) {
    site_.EnsureDemo();
    DropMigrations(site_);
    changes_ = LifeOfATask(site_);
    for (const auto& change : changes_) {
      steps_.push_back(StepsOf(site_, Agreed(change)));
      Ready(change);
      site_.MustCtl(Agreed(change));
      REQUIRE(Difference(change) == "");
    }
  }

  std::vector<KilledChange> Kills(const CampaignOptions& options) const {
    std::mt19937 random(options.seed);
    std::vector<KilledChange> kills;
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      for (auto& kill : KillsOf(steps_[i])) kills.push_back({.change = i, .kill = std::move(kill)});
    }
    for (std::size_t i = 0; i < kAtRandom; ++i) {
      const auto change = random() % changes_.size();
      kills.push_back({.change = change,
                       .kill = {.moment = "random",
                                .step = {},
                                .delay_ms = static_cast<int>(random() % kMostDelay)}});
    }
    std::shuffle(kills.begin(), kills.end(), random);
    if (options.kills != 0) {
      kills.resize(std::min(kills.size(), static_cast<std::size_t>(options.kills)));
    }
    std::ranges::stable_sort(kills, {}, &KilledChange::change);
    return kills;
  }

  // "" or what is wrong.
  std::string Run(const KilledChange& killed) {
    for (; next_ != killed.change; next_ = (next_ + 1) % changes_.size()) {
      Ready(changes_[next_]);
      site_.MustCtl(Agreed(changes_[next_]));
    }
    const Change& change = changes_[next_];
    Ready(change);
    std::string wrong = RunKilled(site_, Agreed(change), killed.kill);
    if (wrong.empty()) wrong = Difference(change);
    next_ = (next_ + 1) % changes_.size();
    return wrong.empty() ? ""
                         : fmt::format("{}, {} {}: {}", change.name, killed.kill.moment,
                                       killed.kill.step, wrong);
  }

 private:
  // A rebuild puts back what the last copy has.
  void Ready(const Change& change) {
    if (change.name == "rebuild") AwaitCopy(site_, /*sources=*/1, /*subtasks=*/1);
  }

  // Between what is to be and what DM has, beside dmgr's own record.
  std::string Difference(const Change& change) const {
    std::string difference;
    Eventually(
        [&] {
          difference = DifferenceNow(change.after);
          return difference.empty();
        },
        std::chrono::seconds(20));
    return difference;
  }

  std::string DifferenceNow(const Wanted& wanted) const {
    const json sources = site_.Json({"source", "list", kDemo})["sources"];
    if (sources.size() != (wanted.has_source ? 1U : 0U)) return "sources: " + sources.dump();
    for (const auto& source : sources) {
      if (source["foreign"] == true || source["missing"] == true || source["worker_name"] == "") {
        return "source: " + source.dump();
      }
    }
    const json tasks = site_.Json({"task", "list", kDemo})["tasks"];
    if (tasks.size() != (wanted.stage.empty() ? 0U : 1U)) return "tasks: " + tasks.dump();
    for (const auto& task : tasks) {
      const json shown = site_.Json({"task", "show", kDemo, "fault"});
      const std::string config = shown["task"]["config_yaml"];
      const bool has_change = config.find("case-sensitive: true") != std::string::npos;
      const std::string stage = "TASK_STAGE_" + wanted.stage;
      if (task["foreign"] == true || task["stage"] != stage || task["wanted_stage"] != stage ||
          has_change != wanted.has_change) {
        return "task: " + task.dump();
      }
    }
    return "";
  }

  Site& site_;
  std::vector<Change> changes_;
  // Of each change.
  std::vector<std::vector<PlannedStep>> steps_;
  // The change that comes next.
  std::size_t next_ = 0;
};

TEST_CASE("whenever dmgrd is killed, no source and no task is lost, and none differs",
          "[kill][migrations]") {
  const CampaignOptions options = CampaignOptions::FromEnvironment();
  Site& site = Site::Get();
  MigrationCampaign campaign(&site);
  const auto kills = campaign.Kills(options);
  std::size_t wrong = 0;
  for (const auto& kill : kills) {
    const std::string what = campaign.Run(kill);
    if (what.empty()) continue;
    ++wrong;
    fmt::print("seed {}: {}\n", options.seed, what);
    break;
  }
  fmt::print("{} kills while sources and tasks were changed, {} lost or different\n", kills.size(),
             wrong);
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace dmgr::testing
