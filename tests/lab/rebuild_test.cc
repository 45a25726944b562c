// Clusters whose dm-masters are lost come back from a copy of what they kept.
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/lab/refusal.h"
#include "tests/lab/site.h"
#include "tests/support/eventually.h"

namespace dmgr::testing {
namespace {

using std::chrono::seconds;

constexpr char kMasterUnit[] = "dm-master-8261.service";
constexpr char kWipe[] =
    "systemctl kill -s KILL {0} 2>/dev/null; systemctl stop {0}; "
    "rm -rf /dm-data/dm-master-8261/data/*";

std::string SourceFile(Site& site, const std::string& id, int port) {
  return site.WriteFile(id + ".yaml",
                        fmt::format("source-id: {}\nfrom:\n  host: 127.0.0.1\n  port: {}\n"
                                    "  user: repl\n  password: pa55-of-the-shop\n",
                                    id, port));
}

std::string TaskFile(Site& site, const std::string& name, const std::vector<std::string>& sources) {
  std::string text = fmt::format(
      "name: {}\ntask-mode: all\ntarget-database:\n  host: 127.0.0.1\n  port: 4000\n"
      "  user: root\n  password: pa55-of-the-target\nmysql-instances:\n",
      name);
  for (const auto& source : sources) text += "  - source-id: " + source + "\n";
  return site.WriteFile(name + ".yaml", text);
}

// kDemo with two sources, a task of both that runs, and one that is paused; all of it in a copy.
void Prepare(Site& site) {
  site.EnsureNoCluster();
  site.EnsureDemo();
  site.MustCtl({"source", "create", kDemo, SourceFile(site, "s1", 3306), "--yes"});
  site.MustCtl({"source", "create", kDemo, SourceFile(site, "s2", 3307), "--yes"});
  site.MustCtl({"task", "create", kDemo, TaskFile(site, "shop", {"s1", "s2"}), "--yes"});
  site.MustCtl({"task", "create", kDemo, TaskFile(site, "held", {"s1"}), "--yes"});
  site.MustCtl({"task", "pause", kDemo, "held", "--yes"});
  const nlohmann::json paused = site.Json({"operation", "show", NewestOperation(site)});
  const std::string since = paused["operation"]["end_time"];
  nlohmann::json copies;
  const bool is_copied = Eventually(
      [&] {
        copies = site.Json({"cluster", "copies", kDemo})["copies"];
        return !copies.empty() && copies[0]["source_count"] == 2 &&
               copies[0]["subtask_count"] == 3 && copies[0]["confirm_time"] >= since;
      },
      seconds(30));
  INFO("since " << since << ": " << copies.dump());
  REQUIRE(is_copied);
}

std::map<std::string, std::string> Stages(Site& site) {
  std::map<std::string, std::string> stages;
  const auto listed = site.Json({"task", "list", kDemo});
  for (const auto& task : listed["tasks"]) {
    stages[task["task_name"]] = task["stage"];
  }
  return stages;
}

std::set<std::string> Bound(Site& site) {
  std::set<std::string> bound;
  const auto listed = site.Json({"source", "list", kDemo});
  for (const auto& source : listed["sources"]) {
    if (source["worker_name"] != "") bound.insert(source["source_id"]);
  }
  return bound;
}

void CheckAsBefore(Site& site) {
  CHECK(site.IsHealthy());
  CHECK(Bound(site) == std::set<std::string>{"s1", "s2"});
  CHECK(Stages(site) == std::map<std::string, std::string>{{"held", "TASK_STAGE_PAUSED"},
                                                           {"shop", "TASK_STAGE_RUNNING"}});
}

TEST_CASE("a rebuild waits for the loss of the majority, unless it is forced", "[lab][rebuild]") {
  Site& site = Site::Get();
  Prepare(site);
  const auto refused = site.Ctl({"cluster", "rebuild", kDemo, "--yes"});
  CHECK(refused.exit_code == kRefused);
  CHECK_THAT(refused.err, Catch::Contains("a majority") && Catch::Contains("--force"));
  const auto none =
      site.Ctl({"cluster", "rebuild", kDemo, "--force", "--at", "2020-01-01", "--yes"});
  CHECK(none.exit_code == kRefused);
  CHECK_THAT(none.err, Catch::Contains("no copy of that time"));
  CheckAsBefore(site);

  INFO("what was changed since the copy is given up");
  site.MustCtl({"cluster", "rebuild", kDemo, "--force", "--yes"});
  CheckAsBefore(site);
}

TEST_CASE("dm-masters whose data is gone come back with all that they kept", "[lab][rebuild]") {
  Site& site = Site::Get();
  Prepare(site);
  for (const auto& host : Site::Hosts()) {
    site.lab().Ssh(host, fmt::format(kWipe, kMasterUnit));
  }
  const auto began = std::chrono::steady_clock::now();
  site.MustCtl({"cluster", "rebuild", kDemo, "--yes"});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  WARN("rebuilt in " << took.count() << " s");
  CheckAsBefore(site);
  // A Prometheus looks at what was away once in fifteen seconds.
  CHECK(Eventually(
      [&] {
        return site.Ctl({"cluster", "verify", kDemo}).exit_code == 0;
      },
      seconds(40)));
}

TEST_CASE("without the hosts of a majority the rest founds it anew", "[lab][rebuild]") {
  Site& site = Site::Get();
  Prepare(site);
  const std::string gone = Site::Hosts()[0];
  site.lab().Ssh(Site::Hosts()[1], fmt::format(kWipe, kMasterUnit));
  site.lab().PowerCut(gone);
  const auto rebuilt = site.Ctl({"cluster", "rebuild", kDemo, "--yes"});
  INFO(rebuilt.err);
  CHECK(rebuilt.exit_code == 0);
  CHECK(Bound(site).size() == 2);
  site.lab().Start(gone);
}

TEST_CASE("a dmgrd that is killed in a rebuild ends it when it is back", "[lab][rebuild]") {
  Site& site = Site::Get();
  Prepare(site);
  for (const auto& host : Site::Hosts()) {
    site.lab().Ssh(host, fmt::format(kWipe, kMasterUnit));
  }
  site.MustCtl({"cluster", "rebuild", kDemo, "--yes", "--detach"});
  const std::string id = NewestOperation(site);
  for (const auto* step : {"put-back", "bound"}) {
    REQUIRE(Eventually(
        [&] {
          const auto shown = site.Json({"operation", "show", id});
          for (const auto& one : shown["operation"]["steps"]) {
            if (one["step_id"] == step) return one["state"] != "STEP_STATE_PENDING";
          }
          return false;
        },
        seconds(60)));
    site.daemon().Kill();
    site.daemon().Start();
  }
  site.MustCtl({"operation", "watch", id});
  CheckAsBefore(site);
}

}  // namespace
}  // namespace dmgr::testing
