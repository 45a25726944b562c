// A cluster that is rebuilt with its sources and tasks.
#include "server/operations/rebuild/rebuild.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "common/error.h"
#include "server/clusters/copies.h"
#include "server/clusters/record.h"
#include "server/store/operation_store.h"
#include "tests/operations/claimed_operation.h"
#include "tests/operations/rehearsal.h"
#include "tests/operations/shop.h"

namespace dmgr::test {
namespace {

// With a copy of what its dm-masters keep.
struct Copied : Tasks {
  Copied() {
    Copy();
    request.set_force(true);
  }

  void Copy() {
    const auto record = clusters::FindCluster(stage.resources(), kMigrating);
    REQUIRE_OK(record.status());
    REQUIRE_OK(clusters::TakeCopy(stage.resources(), record->cluster,
                                  {.deadline = absl::InfiniteFuture(), .cancelled = {}})
                   .status());
  }

  void Replace(const std::string& from, const std::string& to) {
    auto* replacement = request.add_replacements();
    replacement->set_from_machine_id(from);
    replacement->set_to_machine_id(to);
  }
  Ask Rebuilding() { return By(operations::RebuildCluster, request); }

  v1::RebuildClusterRequest request;
};

TEST_CASE("a majority that lives is rebuilt by force only, and nothing without a copy",
          "[runners]") {
  Tasks play;
  v1::RebuildClusterRequest request;
  CHECK(Reason(play.By(operations::RebuildCluster, request)().status()) == "MAJORITY_LIVES");
  request.set_force(true);
  CHECK(Reason(play.By(operations::RebuildCluster, request)().status()) == "NO_COPY");
}

TEST_CASE("a cluster is rebuilt from a copy of what its dm-masters kept", "[runners][rebuild]") {
  Copied play;
  play.Rehearse(play.Rebuilding());
  CHECK_THAT(play.dm().State(), Catch::Contains("source s1"));
}

TEST_CASE(
    "a rebuild tells of a task that the copy has in another configuration, which gets its own",
    "[runners][rebuild]") {
  Copied play;
  Perform(&play.stage, play.CreatingTask(TaskYaml()));
  play.Copy();
  Perform(&play.stage, play.UpdatingTask(TaskYaml("case-sensitive: true\n")));
  REQUIRE_OK(play.Rebuilding()().status());
  std::string told;
  {
    ClaimedOperation run(&play.stage);
    while (store::StepRecord* step = run.Next()) {
      run.Begin(*step);
      run.Record(step, run.Effect(*step), v1::STEP_STATE_SUCCEEDED);
      if (step->step.step_id() == "bound") told = run.log();
    }
    run.End(v1::OPERATION_STATE_SUCCEEDED);
  }
  CHECK_THAT(told, Catch::Contains("task shop") && Catch::Contains("RollbackTask to revision 2"));
  REQUIRE(play.Shop().differs());
  const auto refused = play.OfShop(operations::StopTask)().status();
  CHECK(Reason(refused) == "TASK_DIFFERS");
  const auto next = NextActionsOf(refused);
  CHECK(std::ranges::any_of(next, [](const auto& one) {
    return one.action() == v1::ACTION_ROLLBACK_TASK && one.arguments().at("revision") == "2";
  }));

  v1::RollbackTaskRequest request;
  request.set_task_name("shop");
  request.set_revision(2);
  Perform(&play.stage, play.By(operations::RollbackTask, request));
  CHECK_THAT(play.dm().State(), Catch::Contains("case-sensitive: true"));
  CHECK_FALSE(play.Shop().differs());
  CHECK(play.Shop().revision() == 3);
}

TEST_CASE("a cluster is rebuilt with another machine in the place of one", "[runners][rebuild]") {
  Copied play;
  const auto before = play.stage.host("m1").Running();
  play.Replace("m1", "m4");
  play.Rehearse(play.Rebuilding());
  for (const auto& name : RunnersOfRebuild()) CHECK(play.cast.contains(name));
  CHECK(play.stage.host("m4").Running() == before);
  CHECK(play.stage.host("m1").Running().empty());
  CHECK_FALSE(play.stage.host("m1").root().Exists("opt/dm"));
  CHECK_THAT(play.dm().State(), Catch::Contains("source s1"));
}

TEST_CASE("what lost machines had comes up on another one with what the copy has",
          "[runners][rebuild]") {
  Copied play;
  const auto before = play.stage.host("m1").Running();
  play.stage.Lose("m1");
  play.stage.Lose("m2");
  CHECK(Reason(play.Rebuilding()().status()) == "HOSTS_UNREACHABLE");
  play.Replace("m1", "m4");
  play.Rehearse(play.Rebuilding());
  CHECK(play.stage.host("m4").Running() == before);
  CHECK_THAT(play.dm().State(), Catch::Contains("source s1"));
  // What is on one is remembered; the other one learns of the new addresses when it is back.
  CHECK_THAT(play.stage.LookAtRecord(),
             Catch::Contains("machine_leftover") && Catch::Contains("cluster_behind"));
}

TEST_CASE("machines are replaced once, by others that are free", "[runners][rebuild]") {
  Copied play;
  const auto refused = [&] { return std::string(Reason(play.Rebuilding()().status())); };
  play.Replace("m4", "m1");
  CHECK(refused() == "INVALID_ARGUMENT");
  play.request.clear_replacements();
  play.Replace("m1", "m4");
  play.Replace("m1", "m4");
  CHECK(refused() == "INVALID_ARGUMENT");
  play.request.clear_replacements();
  play.Replace("m1", "m2");
  play.Replace("m2", "m4");
  CHECK(refused() == "INVALID_ARGUMENT");
  play.request.clear_replacements();
  play.Replace("m1", "m5");
  CHECK(refused() == "MACHINE_NOT_FOUND");
  play.request.clear_replacements();
  play.Replace("m1", "m2");
  CHECK(refused() == "HOST_CONFLICT");
}

}  // namespace
}  // namespace dmgr::test
