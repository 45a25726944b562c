// A backup of what a cluster migrates, and its restore: forward, undone and repeated.
#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/backups/seal.h"
#include "server/backups/take.h"
#include "server/operations/rebuild/rebuild.h"
#include "server/operations/target/target.h"
#include "server/operations/task/task.h"
#include "tests/operations/migrating.h"
#include "tests/operations/rehearsal.h"

namespace dmgr::test {
namespace {

constexpr char kPassphrase[] = "correct horse battery";
constexpr char kTask[] =
    "name: shop\ntask-mode: all\ntarget-database: {host: t, port: 4000, user: r, password: pa55}\n"
    "mysql-instances:\n- source-id: s1\n";

// With a source s1 and a task shop, and a backup of these.
struct BackedUp : Migrating {
  BackedUp() {
    Perform(&stage, Creating(SourceYaml("s1", "db1"), "worker-3"));
    CreateShop();
    sealed = Take();
    header.set_passphrase(kPassphrase);
    header.set_cluster_name(kMigrating);
  }

  void CreateShop() {
    v1::CreateTaskRequest request;
    request.set_config_yaml(kTask);
    Perform(&stage, By(operations::CreateTask, request));
  }
  template <typename Request>
  void OfShop(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&,
                                                    const Caller&)) {
    Request request;
    request.set_task_name("shop");
    Perform(&stage, By(call, request));
  }
  std::string Take() {
    v1::BackupClusterRequest request;
    request.set_cluster_name(kMigrating);
    request.set_passphrase(kPassphrase);
    const auto taken = backups::TakeBackup(stage.resources(), request,
                                           {.deadline = absl::InfiniteFuture(), .cancelled = {}});
    REQUIRE_OK(taken.status());
    CHECK(taken->summary.source_count() == 1);
    CHECK(taken->sealed.find("pa55") == std::string::npos);
    return taken->sealed;
  }
  Ask Restoring() {
    return [this] {
      return operations::RestoreCluster(stage.resources(), header, sealed, Caller{"alice"});
    };
  }
  std::string Refusal() { return std::string(Reason(Restoring()().status())); }
  absl::StatusOr<v1::Task> Shop() {
    return operations::GetTask(stage.resources(), kMigrating, "shop");
  }

  std::string sealed;
  v1::RestoreClusterHeader header;
};

TEST_CASE("a cluster migrates what a backup has, and nothing else", "[runners][restore]") {
  BackedUp play;
  play.OfShop(operations::DeleteTask);
  Perform(&play.stage, play.Creating(SourceYaml("s2", "db2"), "worker-2"));
  play.Rehearse(play.Restoring());
  for (const auto& name : RunnersOfRestore()) CHECK(play.cast.contains(name));
  const auto shop = play.Shop();
  REQUIRE_OK(shop.status());
  CHECK(shop->wanted_stage() == v1::TASK_STAGE_RUNNING);
  CHECK(shop->foreign() == false);
  CHECK(play.Get("s1").revision() == 1);
  for (const auto& source : play.List()) {
    // DM without an etcd keeps what it had.
    CHECK(source.foreign() == (source.source_id() == "s2"));
  }
}

TEST_CASE("a restore tells what it replaces before it does", "[runners][restore]") {
  BackedUp play;
  play.OfShop(operations::StopTask);
  Perform(&play.stage, play.Creating(SourceYaml("s2", "db2"), "worker-2"));
  play.header.set_validate_only(true);
  const auto plan = play.Restoring()();
  REQUIRE_OK(plan.status());
  CHECK(plan->kind() == v1::OPERATION_KIND_RESTORE);
  std::string words;
  for (const auto& step : plan->steps()) {
    if (step.step_id() == "records") words = step.title();
  }
  CHECK_THAT(words, Catch::Contains("1 source and 1 task") && Catch::Contains(kMigrating) &&
                        Catch::Contains("forget the sources s2"));
}

TEST_CASE("while a task runs, or with a backup that is not its own, nothing is restored",
          "[runners][restore]") {
  BackedUp play;
  CHECK(play.Refusal() == "TASKS_RUN");
  play.header.set_force(true);
  play.header.set_validate_only(true);
  CHECK(play.Refusal().empty());
  play.header.set_passphrase("another passphrase");
  CHECK(play.Refusal() == "BACKUP_NOT_OPENED");
  play.header.set_passphrase(kPassphrase);
  play.sealed.resize(play.sealed.size() - 1);
  CHECK(play.Refusal() == "BACKUP_UNREADABLE");
  play.stage.Lose("m3");
  play.sealed = play.Take();
  const absl::Status lost = play.Restoring()().status();
  CHECK(Reason(lost) == "HOSTS_UNREACHABLE");
  // It has no way to leave a host out.
  CHECK_THAT(Metadata(lost, "remedy"), !Catch::Contains("leave it out"));
  for (const auto& next : NextActionsOf(lost)) {
    CHECK(next.action() == v1::ACTION_MOVE_MACHINE);
    CHECK_FALSE(next.arguments().contains("skip_unreachable"));
  }
}

TEST_CASE("nothing of a passphrase is kept with an operation", "[runners][restore]") {
  BackedUp play;
  play.header.set_force(true);
  const auto operation = play.Restoring()();
  REQUIRE_OK(operation.status());
  CHECK(operation->request().DebugString().find(kPassphrase) == std::string::npos);
  v1::RestoreClusterHeader echoed;
  REQUIRE(operation->request().UnpackTo(&echoed));
  CHECK(echoed.passphrase().empty());
  CHECK(echoed.cluster_name() == kMigrating);
}

}  // namespace
}  // namespace dmgr::test
