// Clusters whose dm-masters are lost come back from a copy of what they kept.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/lab/migrating.h"
#include "tests/lab/refusal.h"
#include "tests/lab/site.h"
#include "tests/lab/spare.h"
#include "tests/support/eventually.h"
#include "tests/support/files.h"

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

std::string FileOfTask(Site& site, const std::string& name,
                       const std::vector<std::string>& sources) {
  std::string text = fmt::format(
      "name: {}\ntask-mode: all\ntarget-database:\n  host: 127.0.0.1\n  port: 4000\n"
      "  user: root\n  password: pa55-of-the-target\nmysql-instances:\n",
      name);
  for (const auto& source : sources) text += "  - source-id: " + source + "\n";
  return site.WriteFile(name + ".yaml", text);
}

// What loads would have to begin anew on another dm-worker.
bool HasLoaded(Site& site, const std::string& task) {
  const auto shown = site.Json({"task", "show", kDemo, task})["task"];
  return std::all_of(shown["subtasks"].begin(), shown["subtasks"].end(),
                     [](const auto& one) { return one["unit"] == "TASK_UNIT_SYNC"; });
}

// kDemo with two sources, a task of both that runs, and one that is paused; all of it in a copy.
void PrepareCopied(Site& site) {
  site.EnsureNoCluster();
  site.EnsureDemo();
  site.MustCtl({"source", "create", kDemo, SourceFile(site, "s1", 3306), "--skip-checks", "--yes"});
  site.MustCtl({"source", "create", kDemo, SourceFile(site, "s2", 3307), "--skip-checks", "--yes"});
  site.MustCtl({"task", "create", kDemo, FileOfTask(site, "shop", {"s1", "s2"}), "--yes"});
  site.MustCtl({"task", "create", kDemo, FileOfTask(site, "held", {"s1"}), "--yes"});
  REQUIRE(
      Eventually([&] { return HasLoaded(site, "held") && HasLoaded(site, "shop"); }, seconds(60)));
  site.MustCtl({"task", "pause", kDemo, "held", "--yes"});
  AwaitCopy(site, /*sources=*/2, /*subtasks=*/3);
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
  PrepareCopied(site);
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
  PrepareCopied(site);
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
  PrepareCopied(site);
  const std::string gone = Site::Hosts()[0];
  site.lab().Ssh(Site::Hosts()[1], fmt::format(kWipe, kMasterUnit));
  site.lab().PowerCut(gone);
  const auto rebuilt = site.Ctl({"cluster", "rebuild", kDemo, "--yes"});
  INFO(rebuilt.err);
  CHECK(rebuilt.exit_code == 0);
  CHECK(Bound(site).size() == 2);
  site.lab().Start(gone);
}

// Of the rebuild with a machine of its own for each of the three.
std::vector<std::string> Elsewhere(Site& site, const std::vector<const Spare*>& spares) {
  std::vector<std::string> pairs;
  for (std::size_t i = 0; i < spares.size(); ++i) {
    pairs.push_back(site.Address(Site::Hosts()[i]) + "=" + spares[i]->address());
  }
  return {"cluster", "rebuild",   kDemo,
          "--yes",   "--replace", fmt::format("{}", fmt::join(pairs, ","))};
}

TEST_CASE("a cluster whose hosts are all lost is back on others with every source and task",
          "[lab][rebuild][replace]") {
  Site& site = Site::Get();
  const Spare fourth(site, 4);
  const Spare fifth(site, 5);
  const Spare sixth(site, 6);
  PrepareCopied(site);
  const bool is_cut_off = GENERATE(false, true);
  for (const auto& host : Site::Hosts()) {
    if (is_cut_off) {
      site.lab().Unplug(host);
    } else {
      site.lab().PowerCut(host);
    }
  }
  CHECK(site.Ctl({"cluster", "rebuild", kDemo, "--yes"}).exit_code == kRefused);
  const auto began = std::chrono::steady_clock::now();
  site.MustCtl(Elsewhere(site, {&fourth, &fifth, &sixth}));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  WARN("rebuilt on other hosts in " << took.count() << " s");
  CheckAsBefore(site);
  CHECK(site.Status()["behind_machines"].empty());
  for (const auto& host : Site::Hosts()) {
    if (is_cut_off) {
      site.lab().Plug(host);
    } else {
      site.lab().Start(host);
    }
    site.lab().Wait(host);
    const std::string& address = site.Address(host);
    CHECK(site.Json({"machine", "show", address})["machine"]["leftovers"].size() == 1);
    site.MustCtl({"machine", "clean", address, "--yes"});
  }
  CheckAsBefore(site);
  site.EnsureNoCluster();
}

TEST_CASE("a cluster moves to other hosts while its task runs", "[lab][move]") {
  Site& site = Site::Get();
  const Spare fourth(site, 4);
  const Spare fifth(site, 5);
  const Spare sixth(site, 6);
  PrepareCopied(site);
  std::vector<std::string> pairs;
  for (const Spare* spare : {&fourth, &fifth, &sixth}) {
    pairs.push_back(site.Address(Site::Hosts()[pairs.size()]) + "=" + spare->address());
  }
  const std::string all = fmt::format("{}", fmt::join(pairs, ","));
  CHECK_THAT(site.MustCtl({"cluster", "move", kDemo, "--to", all, "--dry-run"}).out,
             Catch::Contains("move the source of") && Catch::Contains("with empty data"));
  const auto began = std::chrono::steady_clock::now();
  site.MustCtl({"cluster", "move", kDemo, "--to", all, "--yes"});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  WARN("moved to other hosts in " << took.count() << " s");
  CheckAsBefore(site);
  CHECK(site.Status()["behind_machines"].empty());
  for (const auto& host : Site::Hosts()) {
    CHECK(site.lab().Ssh(host, "ls -d /dm-deploy /dm-data 2>/dev/null || true") == "");
    CHECK(site.Json({"machine", "show", site.Address(host)})["machine"]["leftovers"].empty());
  }
  site.EnsureNoCluster();
}

TEST_CASE("a cluster that was made anew migrates what the backup of the former one has",
          "[lab][rebuild][restore]") {
  Site& site = Site::Get();
  PrepareCopied(site);
  const std::string file = site.WriteFile("demo.backup", "");
  const std::string key = site.WriteFile("passphrase", "correct horse battery staple\n");
  const std::string other = site.WriteFile("other", "correct horse battery stable\n");
  site.MustCtl({"cluster", "backup", kDemo, file, "--passphrase-file", key});
  const std::string sealed = Contents(file);
  CHECK(sealed.starts_with("DMGRBKUP"));
  CHECK(sealed.find("pa55") == std::string::npos);
  site.EnsureNoCluster();
  site.EnsureDemo();
  std::vector<std::string> restore = {"cluster", "restore",           kDemo, file,
                                      "--yes",   "--passphrase-file", other};
  const auto refused = site.Ctl(restore);
  CHECK(refused.exit_code != 0);
  CHECK_THAT(refused.err, Catch::Contains("another passphrase"));
  restore.back() = key;
  const auto cut_off = site.Ctl({"cluster", "restore", kDemo,
                                 site.WriteFile("cut", sealed.substr(0, sealed.size() / 2)),
                                 "--yes", "--passphrase-file", key});
  CHECK(cut_off.exit_code != 0);
  CHECK_THAT(cut_off.err, Catch::Contains("cut off"));
  site.MustCtl(restore);
  CheckAsBefore(site);

  INFO("its tasks run now, and a restore would end them");
  const auto running = site.Ctl(restore);
  CHECK(running.exit_code == kRefused);
  CHECK_THAT(running.err, Catch::Contains("shop") && Catch::Contains("--force"));
  site.MustCtl({"task", "delete", kDemo, "held", "--yes"});
  restore.emplace_back("--force");
  site.MustCtl(restore);
  CheckAsBefore(site);
}

TEST_CASE("a dmgrd that is killed in a rebuild ends it when it is back", "[lab][rebuild]") {
  Site& site = Site::Get();
  PrepareCopied(site);
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
