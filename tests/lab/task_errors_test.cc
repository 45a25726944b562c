// Stuck tasks on real hosts: got past their errors, shard locks resolved, structures and validation
// changed, and dmgrd killed in between.
#include <fmt/format.h>

#include <chrono>
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
using Words = std::vector<std::string>;

// Tells the stand-ins something.
void TellStandIn(Site& site, const std::string& what, const json& body) {
  REQUIRE(HttpPost(fmt::format("http://{}:8261/dmsim/{}", site.Address(Site::Hosts()[1]), what),
                   body.dump()));
}

void FailByDdl(Site& site, const std::string& source, const json& changes = json::object()) {
  TellStandIn(site, "fail",
              {{"task", "stuck"}, {"sources", {source}}, {"kind", "ddl"}, {"error", changes}});
}

json ShownStuck(Site& site) { return site.Json({"task", "show", kDemo, "stuck"})["task"]; }

bool StuckBecomes(Site& site, const std::string& stage) {
  return Eventually([&] { return ShownStuck(site)["stage"] == "TASK_STAGE_" + stage; },
                    seconds(20));
}

// kDemo with a task "stuck" of two sources that is in sync.
void PrepareStuck(Site& site) {
  site.EnsureDemo();
  DropMigrations(site);
  const std::string password = site.WriteFile("stuck.password", "pa55-of-the-stuck\n");
  for (const auto& [id, port] : {std::pair("s1", "3306"), std::pair("s2", "3307")}) {
    site.MustCtl({"source", "create", kDemo, "--id", id, "--host", "127.0.0.1", "--port", port,
                  "--user", "repl", "--password-file", password, "--skip-checks", "--yes"});
  }
  const std::string file = site.WriteFile(
      "stuck.yaml",
      "name: stuck\ntask-mode: incremental\n"
      "target-database: {host: 127.0.0.1, port: 4000, user: root, password: pa55-of-the-stuck}\n"
      "mysql-instances:\n"
      "  - {source-id: s1, meta: {binlog-name: bin.000001, binlog-pos: 4}}\n"
      "  - {source-id: s2, meta: {binlog-name: bin.000001, binlog-pos: 4}}\n");
  site.MustCtl({"task", "create", kDemo, file, "--yes"});
  REQUIRE(StuckBecomes(site, "RUNNING"));
}

TEST_CASE("a task gets past a statement that it cannot follow", "[lab][tasks][stuck]") {
  Site& site = Site::Get();
  PrepareStuck(site);
  CHECK_THAT(site.MustCtl({"task", "errors", "list", kDemo, "stuck"}).out,
             Catch::Contains("no errors"));
  CHECK(site.Ctl({"task", "errors", "skip", kDemo, "stuck", "--yes"}).exit_code == kRefused);

  FailByDdl(site, "s1");
  REQUIRE(StuckBecomes(site, "PAUSED"));
  const std::string skip = fmt::format("dmgrctl task errors skip {} stuck --source s1", kDemo);
  CHECK_THAT(site.MustCtl({"task", "list", kDemo}).out, Catch::Contains(skip));
  const auto listed = site.MustCtl({"task", "errors", "list", kDemo, "stuck"});
  CHECK_THAT(listed.out, Catch::Contains(skip) && Catch::Contains("bin.000002:1234") &&
                             Catch::Contains("Duplicate column name"));
  const auto plan = site.MustCtl({"task", "errors", "skip", kDemo, "stuck", "--dry-run"});
  CHECK_THAT(plan.out, Catch::Contains("bin.000002:1234"));
  CHECK(ShownStuck(site)["stage"] == "TASK_STAGE_PAUSED");
  site.MustCtl({"task", "errors", "skip", kDemo, "stuck", "--source", "s1", "--yes"});
  CHECK(StuckBecomes(site, "RUNNING"));

  INFO("other statements in its place, and of one ahead");
  FailByDdl(site, "s2");
  REQUIRE(StuckBecomes(site, "PAUSED"));
  site.MustCtl(
      {"task", "errors", "replace", kDemo, "stuck", "--sql", "ALTER TABLE t ADD x INT", "--yes"});
  CHECK(StuckBecomes(site, "RUNNING"));
  const Words ahead = {"--source", "s1", "--binlog-pos", "bin.000009:4", "--yes"};
  Words inject = {"task", "errors", "inject", kDemo, "stuck", "--sql", "ALTER TABLE t ADD y INT"};
  inject.insert(inject.end(), ahead.begin(), ahead.end());
  site.MustCtl(inject);
  Words revert = {"task", "errors", "revert", kDemo, "stuck"};
  revert.insert(revert.end(), ahead.begin(), ahead.end());
  site.MustCtl(revert);
}

TEST_CASE("what DM cannot skip is refused before anything is done", "[lab][tasks][stuck]") {
  Site& site = Site::Get();
  PrepareStuck(site);
  TellStandIn(site, "fail", {{"task", "stuck"}, {"sources", {"s1"}}, {"kind", "dml"}});
  REQUIRE(StuckBecomes(site, "PAUSED"));
  const auto refused = site.Ctl({"task", "errors", "skip", kDemo, "stuck", "--yes"});
  CHECK(refused.exit_code == kRefused);
  CHECK_THAT(refused.err, Catch::Contains("1054") && Catch::Contains("resume"));
  CHECK(site.Ctl({"task", "errors", "replace", kDemo, "stuck", "--yes"}).exit_code == kBadInput);
  TellStandIn(site, "mend", {{"task", "stuck"}, {"sources", {"s1"}}});
  site.MustCtl({"task", "resume", kDemo, "stuck"});
  CHECK(StuckBecomes(site, "RUNNING"));
}

TEST_CASE("dmgrd is killed while a statement is skipped: the next one stays",
          "[lab][tasks][stuck]") {
  Site& site = Site::Get();
  PrepareStuck(site);
  FailByDdl(site, "s1");
  REQUIRE(StuckBecomes(site, "PAUSED"));
  site.MustCtl({"task", "errors", "skip", kDemo, "stuck", "--yes", "--detach"});
  const std::string id = NewestOperation(site);
  site.daemon().Kill();
  const json before =
      json::parse(R"({"message": "startLocation: [position: (bin.000003, 99), gtid-set: ]: x"})");
  FailByDdl(site, "s1", before);
  site.daemon().Start();
  site.MustCtl({"operation", "watch", id});
  INFO("the statement that came meanwhile is nobody's decision");
  CHECK(StuckBecomes(site, "PAUSED"));
  CHECK_THAT(site.MustCtl({"task", "errors", "list", kDemo, "stuck"}).out,
             Catch::Contains("bin.000003:99"));
}

TEST_CASE("a shard lock is listed and resolved", "[lab][tasks][stuck]") {
  Site& site = Site::Get();
  PrepareStuck(site);
  TellStandIn(site, "lock",
              {{"task", "stuck"},
               {"owner", "s1"},
               {"ddls", {"ALTER TABLE `db`.`t` ADD COLUMN `w` INT"}},
               {"synced", {"s1-`db`.`t`"}},
               {"unsynced", {"s2-`db`.`t`"}}});
  const std::string lock = "stuck-`db`.`t`";
  CHECK_THAT(site.MustCtl({"task", "locks", "list", kDemo}).out,
             Catch::Contains(lock) && Catch::Contains("s2-`db`.`t`"));
  CHECK_THAT(ShownStuck(site)["advice"].get<std::string>(), Catch::Contains(lock));
  CHECK(site.Ctl({"task", "locks", "unlock", kDemo, "no-lock", "--yes"}).exit_code != 0);
  site.MustCtl({"task", "locks", "unlock", kDemo, lock, "--yes"});
  CHECK(site.Json({"task", "locks", "list", kDemo})["locks"].empty());
}

TEST_CASE("the structure of a table is read, set and removed", "[lab][tasks][stuck]") {
  Site& site = Site::Get();
  PrepareStuck(site);
  const Words of_table = {kDemo, "stuck", "db", "t"};
  const auto typed = [&](const Words& before, const Words& after = {}) {
    Words words = before;
    words.insert(words.end(), of_table.begin(), of_table.end());
    words.insert(words.end(), after.begin(), after.end());
    return site.Ctl(words);
  };
  CHECK(site.Json({"task", "table", "list", kDemo, "stuck"})["tables"].size() == 2);
  CHECK(typed({"task", "table", "get"}).exit_code == kRefused);
  site.MustCtl({"task", "pause", kDemo, "stuck", "--yes"});
  CHECK_THAT(typed({"task", "table", "get"}).out, Catch::Contains("CREATE TABLE `t`"));
  const std::string file = site.WriteFile("table.sql", "CREATE TABLE t (id INT, new_one INT)");
  CHECK(typed({"task", "table", "set"}, {file, "--yes"}).exit_code == 0);
  CHECK_THAT(typed({"task", "table", "get"}).out, Catch::Contains("new_one"));
  CHECK(typed({"task", "table", "remove"}, {"--yes"}).exit_code == 0);
  CHECK_THAT(typed({"task", "table", "get"}).out, !Catch::Contains("new_one"));
}

TEST_CASE("a validation runs, and rows that differ are told of", "[lab][tasks][stuck]") {
  Site& site = Site::Get();
  PrepareStuck(site);
  const auto typed = [&](const std::string& what, const Words& more = {}) {
    Words words = {"task", "validation", what, kDemo, "stuck"};
    words.insert(words.end(), more.begin(), more.end());
    return site.Ctl(words);
  };
  CHECK(typed("stop", {"--yes"}).exit_code == kRefused);
  CHECK(typed("start", {"--mode", "fast"}).exit_code == 0);
  CHECK(typed("start").exit_code == kRefused);
  CHECK_THAT(typed("status").out, Catch::Contains("fast") && Catch::Contains("running"));
  TellStandIn(site, "validation-error", {{"task", "stuck"}, {"source", "s1"}});
  TellStandIn(site, "validation-error", {{"task", "stuck"}, {"source", "s1"}});
  CHECK_THAT(typed("errors").out, Catch::Contains("Column data not matched"));
  CHECK(typed("ignore", {"--id", "1", "--yes"}).exit_code == 0);
  CHECK(typed("resolve", {"--id", "2", "--yes"}).exit_code == 0);
  const auto count = [&](const std::string& state) {
    return site.Json({"task", "validation", "errors", kDemo, "stuck", "--state", state})["errors"]
        .size();
  };
  CHECK(count("new") == 0);
  CHECK(count("ignored") == 1);
  CHECK(count("resolved") == 1);
  CHECK(typed("clear", {"--all", "--yes"}).exit_code == 0);
  CHECK(count("all") == 0);
  CHECK(typed("update", {"--cutover-binlog-pos", "bin.000002:4", "--yes"}).exit_code == 0);
  CHECK(typed("stop", {"--yes"}).exit_code == 0);
}

}  // namespace
}  // namespace dmgr::testing
