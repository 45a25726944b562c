#include "tests/fault/kill.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/support/eventually.h"
#include "tests/support/files.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

constexpr std::chrono::minutes kLimit(5);
constexpr int kUnanswered = 4;

std::string NewestOf(const Site& site) {
  const json list = site.Json({"operation", "list", "--cluster", kDemo, "--limit", "1"});
  return list["operations"].empty() ? "" : list["operations"][0]["operation_id"];
}

}  // namespace

std::vector<PlannedStep> StepsOf(Site& site, std::vector<std::string> args) {
  args.emplace_back("--dry-run");
  const json plan = site.Json(args);
  std::vector<PlannedStep> steps;
  bool may_go_back = true;
  for (const auto& step : plan["operation"]["steps"]) {
    // Done by the call itself, in the transaction that begins the operation.
    if (step["state"] == "STEP_STATE_SUCCEEDED") continue;
    may_go_back = may_go_back && !step.value("point_of_no_return", false);
    steps.push_back({step["step_id"], may_go_back});
  }
  return steps;
}

std::vector<Kill> KillsOf(const std::vector<PlannedStep>& steps) {
  std::vector<Kill> kills = {{.moment = "claimed"}};
  for (const auto& step : steps) {
    for (const char* moment : {"before_effect", "after_effect", "committed"}) {
      kills.push_back({.moment = moment, .step = step.id});
    }
  }
  return kills;
}

std::string RunKilled(Site& site, const std::vector<std::string>& args, const Kill& kill,
                      bool is_sent_once) {
  TestDaemon& daemon = site.daemon();
  const bool at_random = kill.moment == "random";
  const std::string before = NewestOf(site);
  if (!at_random) {
    daemon.Kill();
    daemon.Start({{"DMGR_FAULT",
                   fmt::format("{} {} kill", kill.moment, kill.step.empty() ? "*" : kill.step)}});
  }
  const auto output = daemon.dir() / "killed.out";
  std::filesystem::remove(output);
  Child command(daemon.CtlCommand(args), output);
  if (at_random) {
    // The moment itself is what is tried: whatever is under way then.
    std::this_thread::sleep_for(std::chrono::milliseconds(kill.delay_ms));
    daemon.Kill();
  } else {
    Eventually([&] { return daemon.Poll().has_value() || command.Poll().has_value(); }, kLimit);
    if (!daemon.Poll().has_value()) return "the fault point was not reached\n" + Contents(output);
  }
  daemon.Start();
  const int exit_code = command.Wait(kLimit);
  if (exit_code == 0) return "";
  if (exit_code != kUnanswered || (!at_random && !is_sent_once)) return Contents(output);
  // It was killed before it answered: either the call has begun its operation, or nothing.
  const std::string after = NewestOf(site);
  const auto ended = after == before ? site.Ctl(args) : site.Ctl({"operation", "watch", after});
  return ended.exit_code == 0 ? "" : ended.out + ended.err;
}

std::string RunRolledBack(Site& site, const std::vector<std::string>& args, const Kill& kill) {
  TestDaemon& daemon = site.daemon();
  daemon.Kill();
  daemon.Start({{"DMGR_FAULT", fmt::format("{} {} fail", kill.moment, kill.step)}});
  const auto failed = site.Ctl(args);
  if (failed.exit_code != 1) return "it did not fail\n" + failed.out + failed.err;
  const auto back = site.Ctl({"operation", "rollback", NewestOperation(site)});
  return back.exit_code == 0 ? "" : back.out + back.err;
}

}  // namespace dmgr::testing
