// Tasks of a cluster on real hosts: through their units, changed, paused by errors, and with dmgrd
// killed in between.
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tests/lab/migrating.h"
#include "tests/lab/refusal.h"
#include "tests/lab/site.h"
#include "tests/support/eventually.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr char kSourcePassword[] = "pa55-of-the-shop";
constexpr char kTargetPassword[] = "pa55-of-the-target";

std::string TaskText(const std::string& name, const std::string& more = "") {
  return fmt::format(
      "# {0} of two sources\nname: {0}\ntask-mode: all\ntarget: prod\n{1}mysql-instances:\n"
      "  - source-id: s1\n  - source-id: s2\n",
      name, more);
}

std::string TaskFile(Site& site, const std::string& name, const std::string& more = "") {
  return site.WriteFile(name + ".yaml", TaskText(name, more));
}

// Tells the stand-ins something.
void TellDm(Site& site, const std::string& what, const json& body) {
  REQUIRE(HttpPost(fmt::format("http://{}:8261/dmsim/{}", site.Address(Site::Hosts()[1]), what),
                   body.dump()));
}

// kDemo with two sources and a target, and no task.
void Prepare(Site& site) {
  site.EnsureDemo();
  DropMigrations(site);
  const std::string password =
      site.WriteFile("target.password", std::string(kTargetPassword) + "\n");
  if (site.Json({"target", "list", kDemo})["targets"].empty()) {
    site.MustCtl({"target", "create", kDemo, "prod", "--host", "127.0.0.1", "--user", "root",
                  "--password-file", password, "--skip-checks"});
  }
  const std::string source = site.WriteFile("source.password", std::string(kSourcePassword) + "\n");
  for (const auto& [id, port] :
       std::map<std::string, std::string>{{"s1", "3306"}, {"s2", "3307"}}) {
    site.MustCtl({"source", "create", kDemo, "--id", id, "--host", "127.0.0.1", "--port", port,
                  "--user", "repl", "--password-file", source, "--skip-checks", "--yes"});
  }
}

json Shown(Site& site, const std::string& task) {
  return site.Json({"task", "show", kDemo, task})["task"];
}

// Whether all of it is soon in this unit and stage.
bool Becomes(Site& site, const std::string& task, const std::string& stage) {
  return Eventually(
      [&] {
        const json shown = Shown(site, task);
        if (shown["stage"] != "TASK_STAGE_" + stage) return false;
        return stage != "RUNNING" ||
               (shown["subtasks"].size() == 2 && shown["subtasks"][0]["unit"] == "TASK_UNIT_SYNC" &&
                shown["subtasks"][1]["unit"] == "TASK_UNIT_SYNC");
      },
      seconds(20));
}

TEST_CASE("a task is checked, created, paused, changed, stopped and deleted", "[lab][tasks]") {
  Site& site = Site::Get();
  Prepare(site);
  const std::string file = TaskFile(site, "shop");
  CHECK_THAT(site.MustCtl({"task", "check", kDemo, file}).out, Catch::Contains("0 failed"));
  const auto created = site.MustCtl({"task", "create", kDemo, file, "--yes"});
  CHECK_THAT(created.out + created.err,
             !Catch::Contains(kTargetPassword) && !Catch::Contains(kSourcePassword));
  CHECK(Becomes(site, "shop", "RUNNING"));
  json shown = Shown(site, "shop");
  CHECK(shown["config_yaml"] == TaskText("shop"));
  CHECK(shown["target_name"] == "prod");
  CHECK(shown["wanted_stage"] == "TASK_STAGE_RUNNING");
  CHECK(shown["subtasks"][0]["sync"]["task_binlog"] != "");

  INFO("what is used stays");
  CHECK(site.Ctl({"task", "create", kDemo, file, "--yes"}).exit_code == kRefused);
  CHECK(site.Ctl({"source", "delete", kDemo, "s1", "--yes"}).exit_code == kRefused);
  CHECK(site.Ctl({"target", "delete", kDemo, "prod", "--yes"}).exit_code == kRefused);

  site.MustCtl({"task", "pause", kDemo, "shop", "--yes"});
  CHECK(Becomes(site, "shop", "PAUSED"));
  CHECK(Shown(site, "shop")["subtasks"][0]["paused_by_hand"] == true);
  site.MustCtl({"task", "resume", kDemo, "shop"});
  CHECK(Becomes(site, "shop", "RUNNING"));

  INFO("another configuration");
  site.MustCtl(
      {"task", "update", kDemo, TaskFile(site, "shop", "case-sensitive: true\n"), "--yes"});
  CHECK(Becomes(site, "shop", "RUNNING"));
  shown = Shown(site, "shop");
  CHECK(shown["revision"] == "2");
  CHECK_THAT(shown["config_yaml"].get<std::string>(), Catch::Contains("case-sensitive: true"));

  site.MustCtl({"task", "stop", kDemo, "shop", "--yes"});
  CHECK(Becomes(site, "shop", "STOPPED"));
  site.MustCtl({"task", "start", kDemo, "shop"});
  CHECK(Becomes(site, "shop", "RUNNING"));
  site.MustCtl({"task", "delete", kDemo, "shop", "--yes"});
  CHECK(site.Json({"task", "list", kDemo})["tasks"].empty());
  CHECK(site.Ctl({"task", "show", kDemo, "shop"}).exit_code != 0);
}

TEST_CASE("a task that DM does not take leaves nothing behind", "[lab][tasks]") {
  Site& site = Site::Get();
  Prepare(site);
  TellDm(site, "knobs", {{"check_fail", "shop"}});
  const auto failed = site.Ctl({"task", "create", kDemo, TaskFile(site, "shop"), "--yes"});
  TellDm(site, "knobs", {{"check_fail", nullptr}});
  CHECK(failed.exit_code == 1);
  CHECK_THAT(failed.err + failed.out, !Catch::Contains(kTargetPassword));
  site.MustCtl({"operation", "rollback", NewestOperation(site)});
  CHECK(site.Json({"task", "list", kDemo})["tasks"].empty());
  for (const auto* wrong : {"tabels: x\n", "task-mode: some\n", "name: other\n"}) {
    INFO(wrong);
    const auto refused =
        site.Ctl({"task", "create", kDemo, TaskFile(site, "shop", wrong), "--yes"});
    CHECK(refused.exit_code == kBadInput);
  }
}

TEST_CASE("a task that an error pauses says why, and what helps", "[lab][tasks]") {
  Site& site = Site::Get();
  Prepare(site);
  site.MustCtl({"task", "create", kDemo, TaskFile(site, "shop"), "--yes"});
  REQUIRE(Becomes(site, "shop", "RUNNING"));
  TellDm(site, "fail", {{"task", "shop"}, {"sources", {"s1"}}, {"kind", "dml"}});
  REQUIRE(Becomes(site, "shop", "PAUSED"));
  const json shown = Shown(site, "shop");
  CHECK(shown["advice"] != "");
  int errors = 0;
  for (const auto& subtask : shown["subtasks"]) {
    errors += static_cast<int>(subtask["errors"].size());
    CHECK(subtask["paused_by_hand"] == false);
  }
  CHECK(errors == 1);
  CHECK_THAT(site.MustCtl({"task", "show", kDemo, "shop"}).out, Catch::Contains("Error 1054"));

  INFO("resumed, it strikes again: the operation says so");
  const auto again = site.Ctl({"task", "resume", kDemo, "shop"});
  CHECK(again.exit_code == 1);
  CHECK_THAT(again.err, Catch::Contains("1054"));
  TellDm(site, "mend", {{"task", "shop"}, {"sources", {"s1"}}});
  site.MustCtl({"operation", "abandon", NewestOperation(site), "--yes"});
  site.MustCtl({"task", "resume", kDemo, "shop"});
  CHECK(Becomes(site, "shop", "RUNNING"));
}

TEST_CASE("a task gets an earlier configuration again, and shows what has changed",
          "[lab][tasks]") {
  Site& site = Site::Get();
  Prepare(site);
  site.MustCtl({"task", "create", kDemo, TaskFile(site, "shop"), "--yes"});
  site.MustCtl(
      {"task", "update", kDemo, TaskFile(site, "shop", "case-sensitive: true\n"), "--yes"});
  CHECK_THAT(site.MustCtl({"task", "diff", kDemo, "shop"}).out,
             Catch::Contains("+ case-sensitive: true"));
  CHECK_THAT(site.MustCtl({"task", "diff", kDemo, "shop", "--from", "2", "--to", "1"}).out,
             Catch::Contains("- case-sensitive: true"));
  const json revisions = site.Json({"task", "revisions", kDemo, "shop"})["revisions"];
  REQUIRE(revisions.size() == 2);
  CHECK(revisions[0]["current"] == true);
  CHECK(revisions[0]["operation_id"] == NewestOperation(site));
  CHECK(site.Ctl({"task", "rollback", kDemo, "shop", "--revision", "2", "--yes"}).exit_code ==
        kRefused);
  site.MustCtl({"task", "rollback", kDemo, "shop", "--revision", "1", "--yes"});
  CHECK(Becomes(site, "shop", "RUNNING"));
  CHECK(Shown(site, "shop")["config_yaml"] == TaskText("shop"));
  CHECK(Shown(site, "shop")["revision"] == "3");
}

TEST_CASE("a dm-worker on which a task loads is not restarted, unless that is accepted",
          "[lab][tasks]") {
  Site& site = Site::Get();
  Prepare(site);
  TellDm(site, "knobs", {{"load_ms", 600000}});
  site.MustCtl({"task", "create", kDemo, TaskFile(site, "shop"), "--yes"});
  const bool loads = Eventually(
      [&] { return Shown(site, "shop")["subtasks"][0]["unit"] == "TASK_UNIT_LOAD"; }, seconds(20));
  const std::vector<std::string> restart = {"cluster", "restart",   kDemo,
                                            "--role",  "dm-worker", "--yes"};
  const auto refused = site.Ctl(restart);
  TellDm(site, "knobs", {{"load_ms", nullptr}});
  CHECK(loads);
  CHECK(refused.exit_code == kRefused);
  CHECK_THAT(refused.err, Catch::Contains("task shop loads from source s1 on dm-worker") &&
                              Catch::Contains("--accept-load-restart"));
  auto accepting = restart;
  accepting.emplace_back("--accept-load-restart");
  site.MustCtl(accepting);
  CHECK(Becomes(site, "shop", "RUNNING"));
}

TEST_CASE("after a rolling restart tasks are as before, and it says which ones stood still",
          "[lab][tasks]") {
  Site& site = Site::Get();
  Prepare(site);
  for (const char* task : {"shop", "held"}) {
    site.MustCtl({"task", "create", kDemo, TaskFile(site, task), "--yes"});
    REQUIRE(Becomes(site, task, "RUNNING"));
  }
  site.MustCtl({"task", "pause", kDemo, "held", "--yes"});
  CHECK_THAT(site.MustCtl({"cluster", "stop", kDemo, "--dry-run"}).out,
             Catch::Contains("task shop of source s1") && !Catch::Contains("task held"));
  site.MustCtl({"cluster", "restart", kDemo, "--role", "dm-worker", "--yes"});
  CHECK(Shown(site, "shop")["stage"] == "TASK_STAGE_RUNNING");
  CHECK(Shown(site, "held")["stage"] == "TASK_STAGE_PAUSED");
  const json operation = site.Json({"operation", "show", NewestOperation(site)})["operation"];
  REQUIRE(operation["paused_tasks"].size() >= 2);
  for (const auto& paused : operation["paused_tasks"]) CHECK(paused["task_name"] == "shop");
}

TEST_CASE("dmgrd is killed while a task is changed: it is started once, and none is lost",
          "[lab][tasks]") {
  Site& site = Site::Get();
  Prepare(site);
  const auto killed = [&](const std::vector<std::string>& args) {
    auto detached = args;
    detached.emplace_back("--detach");
    site.MustCtl(detached);
    const std::string id = NewestOperation(site);
    site.daemon().Kill();
    site.daemon().Start();
    site.MustCtl({"operation", "watch", id});
  };
  killed({"task", "create", kDemo, TaskFile(site, "shop"), "--yes"});
  CHECK(Becomes(site, "shop", "RUNNING"));
  killed({"task", "update", kDemo, TaskFile(site, "shop", "case-sensitive: true\n"), "--yes"});
  CHECK(Becomes(site, "shop", "RUNNING"));
  CHECK(Shown(site, "shop")["revision"] == "2");
  killed({"task", "pause", kDemo, "shop", "--yes"});
  CHECK(Becomes(site, "shop", "PAUSED"));
  killed({"task", "stop", kDemo, "shop", "--yes"});
  CHECK(Becomes(site, "shop", "STOPPED"));
  killed({"task", "delete", kDemo, "shop", "--yes"});
  CHECK(site.Json({"task", "list", kDemo})["tasks"].empty());
}

}  // namespace
}  // namespace dmgr::testing
