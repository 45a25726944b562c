// dmgrd is killed in the middle of its work, and starts again.
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <sstream>
#include <vector>

#include "tests/lab/site.h"
#include "tests/support/files.h"
#include "tests/support/postgres.h"

namespace dmgr::testing {
namespace {

using nlohmann::json;

// Returns as soon as the watch has shown so many changes of steps; false when it ended before.
bool AwaitStepEvents(Site& site, const std::string& id, int wanted) {
  auto& admin = site.daemon().Admin();
  grpc::ClientContext context;
  admin.Prepare(&context, absl::Minutes(3));
  v1::WatchOperationRequest request;
  request.set_operation_id(id);
  const auto reader = admin.operations().WatchOperation(&context, request);
  v1::WatchOperationResponse message;
  int seen = 0;
  while (seen < wanted && reader->Read(&message)) {
    seen += message.event().has_step_state() ? 1 : 0;
  }
  context.TryCancel();
  reader->Finish();
  return seen == wanted;
}

// Steps that have succeeded by the record, as "id attempts".
std::string Succeeded(Site& site, const std::string& id) {
  return test::Sql(
      site.daemon().dsn(),
      fmt::format("SELECT coalesce(string_agg(step_id || ' ' || attempts, E'\\n' ORDER "
                  "BY step_id), '') FROM operation_step WHERE state = 'SUCCEEDED' AND "
                  "operation_id = '{}'",
                  id));
}

// Runs a command that makes an operation on the demo cluster, and kills dmgrd as soon as the watch
// shows the nth change of a step, with 0 as soon as the operation is there. The command must not
// notice more than a pause.
void RunWithCrash(Site& site, const std::vector<std::string>& args, int nth) {
  TestDaemon& daemon = site.daemon();
  const auto output = daemon.dir() / fmt::format("{}-{}.out", args[1], nth);
  std::filesystem::remove(output);
  const std::string last = NewestOperation(site);
  Child command(daemon.CtlCommand(args), output);
  std::string id;
  REQUIRE(Eventually([&] {
    id = NewestOperation(site);
    return id != last;
  }));
  const bool in_the_middle = AwaitStepEvents(site, id, nth);
  daemon.Kill();
  // Its PostgreSQL goes on, and tells what was done.
  const std::string before = Succeeded(site, id);
  const std::string state = test::Sql(
      daemon.dsn(), fmt::format("SELECT state FROM operation WHERE operation_id = '{}'", id));
  daemon.Start();
  const int exit_code = command.Wait(std::chrono::minutes(4));
  INFO(Contents(output));
  REQUIRE(in_the_middle);
  CHECK((state == "RUNNING" || (nth == 0 && state == "QUEUED")));
  CHECK(exit_code == 0);
  CHECK_THAT(Contents(output),
             (Catch::Contains("(the operation is safe)") || Catch::Contains("(it is done once)")) &&
                 Catch::Contains(fmt::format("operation {}: succeeded", id)));

  const json shown = site.Json({"operation", "show", id})["operation"];
  CHECK(shown["state"] == "OPERATION_STATE_SUCCEEDED");
  // What had succeeded was not run twice; what had not was begun twice at most.
  const std::string after = Succeeded(site, id);
  std::istringstream lines(before);
  for (std::string line; std::getline(lines, line);) {
    CHECK_THAT("\n" + after + "\n", Catch::Contains("\n" + line + "\n"));
  }
  for (const auto& step : shown["steps"]) {
    INFO(step.dump());
    CHECK(step["state"] == "STEP_STATE_SUCCEEDED");
    CHECK(step["attempts"] <= 2);
  }
}

std::map<std::string, HostTree> Trees(Site& site) {
  std::map<std::string, HostTree> trees;
  for (const auto& host : Site::Hosts()) trees[host] = site.Tree(host);
  return trees;
}

TEST_CASE("a deploy goes on when dmgrd is killed in the middle", "[lab][crash]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::vector<std::string> deploy = {
      "cluster", "deploy", kDemo, kVersion, site.WriteTopology(), "--yes"};
  const auto empty = Trees(site);
  site.MustCtl(deploy);
  const auto undisturbed = Trees(site);
  site.MustCtl({"cluster", "destroy", kDemo, "--yes"});
  // 20 steps have 40 changes: surveys, workspace, preparation, releases, installation.
  for (const int nth : {2, 8, 14, 22, 35}) {
    INFO("killed after " << nth << " changes of steps");
    RunWithCrash(site, deploy, nth);
    CheckEqual(undisturbed, Trees(site));
    CHECK(site.Status()["state"] == "CLUSTER_STATE_OFFLINE");
    site.MustCtl({"cluster", "destroy", kDemo, "--yes"});
    CheckEqual(empty, Trees(site));
  }
}

TEST_CASE("a start goes on when dmgrd is killed in the middle", "[lab][crash]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  const auto undisturbed = SettledTrees(site);
  // 3 + 3 + 3 steps on hosts, one after them.
  for (const int nth : {0, 1, 5, 9, 14}) {
    INFO("killed after " << nth << " changes of steps");
    site.MustCtl({"cluster", "stop", kDemo, "--yes"});
    RunWithCrash(site, {"cluster", "start", kDemo}, nth);
    CHECK(site.IsHealthy());
    CheckEqual(undisturbed, SettledTrees(site));
  }
}

TEST_CASE("a call whose dmgrd dies before it answers makes one operation", "[lab][crash]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  TestDaemon& daemon = site.daemon();
  const auto count = [&] {
    return test::Sql(daemon.dsn(), "SELECT count(*) FROM operation WHERE kind = 'RESTART'");
  };
  const int before = std::stoi(count());
  const auto output = daemon.dir() / "unanswered.out";
  std::optional<Child> command;
  {
    pqxx::connection holder(daemon.dsn());
    pqxx::work lock(holder);
    lock.exec("LOCK TABLE operation IN SHARE ROW EXCLUSIVE MODE");
    command.emplace(
        daemon.CtlCommand({"cluster", "restart", kDemo, "--role", "alertmanager", "--yes"}),
        output);
    // The engine waits for the table, too.
    REQUIRE(Eventually([&] {
      return test::Sql(daemon.dsn(),
                       "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                       "query LIKE 'INSERT INTO operation (%'") != "0";
    }));
    daemon.Kill();
  }
  daemon.Start();
  const int exit_code = command->Wait(std::chrono::minutes(2));
  INFO(Contents(output));
  CHECK(exit_code == 0);
  CHECK_THAT(Contents(output), Catch::Contains("it is done once"));
  CHECK(std::stoi(count()) == before + 1);
  CHECK(site.IsHealthy());
}

TEST_CASE("watchers outlive one dmgrd after another", "[lab][crash]") {
  Site& site = Site::Get();
  site.EnsureDemo();
  TestDaemon& daemon = site.daemon();
  site.MustCtl({"cluster", "restart", kDemo, "--yes", "--detach"});
  // A host that does not answer any more keeps the operation going.
  site.lab().FreezeSshd("h3");
  const std::string id = NewestOperation(site);
  std::vector<std::unique_ptr<Child>> watchers;
  const auto output = [&](std::size_t i) {
    return daemon.dir() / fmt::format("watcher-{}.out", i);
  };
  for (std::size_t i = 0; i < 5; ++i) {
    std::filesystem::remove(output(i));
    watchers.push_back(
        std::make_unique<Child>(daemon.CtlCommand({"operation", "watch", id}), output(i)));
  }
  for (int i = 0; i < 5; ++i) {
    // Each has seen how far it is by then.
    for (std::size_t k = 0; k < watchers.size(); ++k) {
      REQUIRE(Eventually([&] { return !Contents(output(k)).empty(); }));
    }
    daemon.Kill();
    daemon.Start();
  }
  site.lab().ThawSshd("h3");
  for (std::size_t i = 0; i < watchers.size(); ++i) {
    const int code = watchers[i]->Wait(std::chrono::minutes(2));
    INFO(Contents(output(i)));
    CHECK(code == 0);
  }
  CHECK(site.IsHealthy());
}

TEST_CASE("a reload goes on when dmgrd is killed in the middle", "[lab][crash][reload]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.EnsureDemo();
  const std::string plain = site.WriteTopology();
  const std::string changed = site.WriteFile(
      "ttl.yaml", Contents(plain) + "server_configs:\n  worker:\n    keepalive-ttl: 45\n");
  const auto edit = [&](const std::string& file) {
    site.MustCtl({"cluster", "edit-config", kDemo, "--yes", "--file", file});
  };
  const std::vector<std::string> reload = {"cluster", "reload", kDemo, "--yes"};
  edit(changed);
  site.MustCtl(reload);
  const auto undisturbed = SettledTrees(site);
  // 3 + 3 looks and the members make 14; then 3 dm-workers are at it side by side.
  for (const int nth : {3, 13, 15, 17}) {
    INFO("killed after " << nth << " changes of steps");
    edit(plain);
    site.MustCtl(reload);
    edit(changed);
    RunWithCrash(site, reload, nth);
    CHECK(site.IsHealthy());
    CheckEqual(undisturbed, SettledTrees(site));
    CHECK(site.Status()["warnings"].empty());
  }
  site.EnsureNoCluster();
}

TEST_CASE("a destroy goes on when dmgrd is killed in the middle", "[lab][crash]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const auto empty = Trees(site);
  for (const int nth : {4, 12, 21}) {
    INFO("killed after " << nth << " changes of steps");
    site.EnsureDemo();
    RunWithCrash(site, {"cluster", "destroy", kDemo, "--yes"}, nth);
    CHECK_FALSE(site.Exists(kDemo));
    CheckEqual(empty, Trees(site));
  }
}

TEST_CASE("no far end outlives the dmgrd that started it", "[lab][crash]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  const std::string last = NewestOperation(site);
  Child command(site.daemon().CtlCommand(
                    {"cluster", "deploy", kDemo, kVersion, site.WriteTopology(), "--yes"}),
                site.daemon().dir() / "far-end.out");
  std::string id;
  REQUIRE(Eventually([&] { return (id = NewestOperation(site)) != last; }));
  CHECK(AwaitStepEvents(site, id, 12));
  site.daemon().Kill();
  for (const auto& host : Site::Hosts()) {
    CHECK(Eventually([&] { return site.lab().Ssh(host, "pgrep -c dmgr-host || true") == "0\n"; },
                     std::chrono::seconds(40)));
  }
  site.daemon().Start();
  CHECK(command.Wait(std::chrono::minutes(4)) == 0);
}

}  // namespace
}  // namespace dmgr::testing
