// Those who look at tasks on real hosts: the cluster's status, logs, a watch.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "tests/lab/migrating.h"
#include "tests/lab/site.h"
#include "tests/support/eventually.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

// kDemo with a task that runs, on one of two sources.
void PrepareTask(Site& site) {
  site.EnsureDemo();
  DropMigrations(site);
  const std::string password = site.WriteFile("db.password", "pa55-of-a-database\n");
  for (const auto* id : {"s1", "s2"}) {
    site.MustCtl({"source", "create", kDemo, "--id", id, "--host", "127.0.0.1", "--port",
                  std::string("330") + id[1], "--user", "repl", "--password-file", password,
                  "--skip-checks", "--yes"});
  }
  const std::string task = site.WriteFile(
      "shop.yaml",
      "name: shop\ntask-mode: incremental\n"
      "target-database: {host: 127.0.0.1, port: 4000, user: root, password: pa55}\n"
      "mysql-instances:\n  - source-id: s1\n    meta: {binlog-name: mysql-bin.000001, "
      "binlog-pos: 4}\n");
  site.MustCtl({"task", "create", kDemo, task, "--yes"});
}

json Migrations(Site& site) { return site.Json({"cluster", "status", kDemo})["migrations"]; }

TEST_CASE("a cluster's status counts its tasks and sources", "[lab][tasks][watch]") {
  Site& site = Site::Get();
  PrepareTask(site);
  CHECK(Eventually([&] { return Migrations(site).value("running_tasks", 0) == 1; }));
  CHECK(Migrations(site)["bound_sources"] == 2);
  site.MustCtl({"task", "pause", kDemo, "shop", "--yes"});
  CHECK(Eventually([&] { return Migrations(site).value("paused_tasks", 0) == 1; }));
  CHECK_THAT(site.MustCtl({"cluster", "status", kDemo}).out, Catch::Contains("tasks: 1 paused"));
}

TEST_CASE("a task's log is what its dm-worker wrote of it, clean and no more than was asked for",
          "[lab][tasks][watch]") {
  Site& site = Site::Get();
  PrepareTask(site);
  const std::string worker =
      site.Json({"task", "show", kDemo, "shop"})["task"]["subtasks"][0]["worker_name"];
  for (const auto& host : Site::Hosts()) {
    site.lab().Ssh(host,
                   "for f in $(find / -xdev -name dm-worker.log); do"
                   " for i in 1 2 3; do"
                   " printf '[2026/01/01 00:00:0%s.000 +00:00] [INFO] [a.go:1] [\"n%s\\033[31m\"]"
                   " [task=shop] [unit=x]\\n' $i $i >>$f;"
                   " printf '[2026/01/01 00:00:0%s.000 +00:00] [INFO] [a.go:1] [other]"
                   " [task=shopping]\\n' $i >>$f; done; done");
  }
  const auto read = site.MustCtl({"task", "logs", kDemo, "shop", "--tail", "2"});
  CHECK(read.out.find('\033') == std::string::npos);
  CHECK_THAT(read.out, !Catch::Contains("shopping") && !Catch::Contains("n1"));
  CHECK_THAT(read.out,
             Catch::StartsWith(worker + " | ") && Catch::Contains("n2") && Catch::Contains("n3"));
  CHECK(std::count(read.out.begin(), read.out.end(), '\n') == 2);
}

}  // namespace
}  // namespace dmgr::testing
