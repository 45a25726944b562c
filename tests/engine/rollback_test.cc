// Undoing an operation, and what a resumed one relies on.
#include <atomic>

#include "tests/engine/world.h"

namespace dmgr::engine {
namespace {

using test::TestDsn;

absl::StatusOr<StepResult> Ok(StepContext&) { return StepResult(); }
absl::StatusOr<StepResult> Broken(StepContext&) { return absl::InternalError("broken"); }

TEST_CASE("a rollback undoes what was begun, newest first, and nothing else") {
  const TestDsn dsn;
  World world(dsn.dsn());
  world.On("bad", Broken);
  const std::string id =
      world.Insert({MakeStep("a", ""), MakeStep("b", "h1", {"a"}), MakeStep("c", "h2", {"a"}),
                    MakeStep("bad", "h1", {"b", "c"}), MakeStep("never", "h2", {"bad"})});
  const auto engine = world.NewEngine();
  world.AwaitEnd(id);
  world.Rollback(id);
  const auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "ROLLED_BACK");
  CHECK_FALSE(record.operation.holds_cluster());
  CHECK(record.operation.progress_percent() == 100);
  // Still told: why it was undone.
  CHECK(record.operation.error().message() == "do bad: broken");
  const auto journal = world.Journal();
  CHECK(At(journal, "bad undo ends") < At(journal, "b undo begins"));
  CHECK(At(journal, "bad undo ends") < At(journal, "c undo begins"));
  CHECK(At(journal, "b undo ends") < At(journal, "a undo begins"));
  CHECK(At(journal, "c undo ends") < At(journal, "a undo begins"));
  CHECK(std::count(journal.begin(), journal.end(), "never undo begins") == 0);
  for (const char* step : {"a", "b", "c", "bad"}) CHECK(world.StateOf(id, step) == "UNDONE");
  CHECK(world.StateOf(id, "never") == "SKIPPED");
}

TEST_CASE("an undo reads what its step recorded, and commits with its state") {
  const TestDsn dsn;
  World world(dsn.dsn());
  std::atomic<int> committed = 0;
  world.On(
      "a",
      [](StepContext&) {
        StepResult result;
        result.result_json = R"({"was":7})";
        return result;
      },
      [&](StepContext& context) {
        CHECK(context.step().result_json == R"({"was":7})");
        StepResult result;
        result.commit = [&](store::Transaction&) {
          ++committed;
          return absl::OkStatus();
        };
        return result;
      });
  world.On("bad", Broken);
  const std::string id = world.Insert({MakeStep("a", ""), MakeStep("bad", "", {"a"})});
  const auto engine = world.NewEngine();
  world.AwaitEnd(id);
  world.Rollback(id);
  world.AwaitEnd(id);
  CHECK(committed == 1);
}

TEST_CASE("a rollback that fails is FAILED in its phase, and a resume goes on with it") {
  const TestDsn dsn;
  World world(dsn.dsn());
  std::atomic<bool> mended = false;
  world.On("a", Ok, [&](StepContext&) -> absl::StatusOr<StepResult> {
    if (mended) return StepResult();
    return absl::ResourceExhaustedError("no space");
  });
  world.On("bad", Broken);
  const std::string id = world.Insert(
      {MakeStep("first", ""), MakeStep("a", "h1", {"first"}), MakeStep("bad", "h1", {"a"})});
  const auto engine = world.NewEngine();
  world.AwaitEnd(id);
  world.Rollback(id);
  auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "FAILED");
  CHECK(record.operation.phase() == v1::OPERATION_PHASE_ROLLBACK);
  CHECK(record.operation.error().message() == "do a: no space");
  CHECK(world.StateOf(id, "bad") == "UNDONE");
  CHECK(world.StateOf(id, "a") == "FAILED");

  mended = true;
  world.Resume(id);
  record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "ROLLED_BACK");
  const auto journal = world.Journal();
  CHECK(std::count(journal.begin(), journal.end(), "bad undo begins") == 1);
  CHECK(std::count(journal.begin(), journal.end(), "first undo begins") == 1);
  CHECK(world.Runs("a") == 1);
}

TEST_CASE("another engine goes on with a rollback") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  std::atomic<bool> first = true;
  world.On("a", Ok, [&](StepContext& context) -> absl::StatusOr<StepResult> {
    if (first && !stage.Pass(context)) return absl::CancelledError("stopped");
    return StepResult();
  });
  world.On("bad", Broken);
  const std::string id = world.Insert({MakeStep("a", "h1"), MakeStep("bad", "h1", {"a"})});
  auto engine = world.NewEngine();
  world.AwaitEnd(id);
  world.Rollback(id);
  stage.AwaitArrivals(1);
  CHECK(absl::IsFailedPrecondition(
      world.db().Transact([&](store::Transaction& tx) { return store::RequestCancel(tx, id); })));
  engine->Shutdown(absl::ZeroDuration());
  CHECK(Name(world.Get(id).operation.state()) == "ROLLING_BACK");
  first = false;
  engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "ROLLED_BACK");
  const auto journal = world.Journal();
  CHECK(std::count(journal.begin(), journal.end(), "bad undo begins") == 1);
}

TEST_CASE("behind the point of no return there is no rollback") {
  const TestDsn dsn;
  World world(dsn.dsn());
  world.On("bad", Broken);
  std::vector<Step> steps = {MakeStep("a", ""), MakeStep("b", "h1", {"a"}, "ok"),
                             MakeStep("bad", "h1", {"b"})};
  SECTION("begun") {
    steps[2].point_of_no_return = true;
    const std::string id = world.Insert(steps);
    const auto engine = world.NewEngine();
    world.AwaitEnd(id);
    const absl::Status refused =
        world.db().Transact([&](store::Transaction& tx) { return store::RequestRollback(tx, id); });
    CHECK(Reason(refused) == "NO_RETURN");
    CHECK_THAT(std::string(Message(refused)), Catch::Contains("do bad"));
    CHECK_THAT(Metadata(refused, "remedy"), Catch::Contains("go on with it"));
  }
  SECTION("not begun") {
    steps.push_back(MakeStep("c", "h1", {"bad"}, "ok"));
    steps[3].point_of_no_return = true;
    const std::string id = world.Insert(steps);
    const auto engine = world.NewEngine();
    world.AwaitEnd(id);
    world.Rollback(id);
    CHECK(Name(world.AwaitEnd(id).operation.state()) == "ROLLED_BACK");
  }
}

TEST_CASE("a resume repeats what succeeded only when its effect is gone") {
  const TestDsn dsn;
  World world(dsn.dsn());
  std::atomic<bool> mended = false;
  std::atomic<bool> there = true;
  world.On("lost", Ok, nullptr, [&](StepContext&) -> absl::StatusOr<bool> { return there.load(); });
  world.On("bad", [&](StepContext&) -> absl::StatusOr<StepResult> {
    if (mended) return StepResult();
    return absl::InternalError("broken");
  });
  const std::string id =
      world.Insert({MakeStep("kept", "h1"), MakeStep("lost", "h1", {"kept"}),
                    MakeStep("other", "h2", {"lost"}), MakeStep("bad", "h1", {"other"})});
  const auto engine = world.NewEngine();
  world.AwaitEnd(id);
  there = false;
  mended = true;
  world.Resume(id);
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  CHECK(world.Runs("kept") == 1);
  CHECK(world.Runs("lost") == 2);
  CHECK(world.Runs("other") == 1);
  CHECK(world.Runs("bad") == 2);
  CHECK(world.StateOf(id, "lost") == "SUCCEEDED");
  // What was done again is done before what relies on it.
  const auto lines = world.Transitions(id);
  const auto last = [&](const std::string& line) {
    return lines.rend() - std::find(lines.rbegin(), lines.rend(), line);
  };
  CHECK(last("lost SUCCEEDED 2") < last("bad RUNNING 2"));
}

TEST_CASE("an abandoned operation lets go of its cluster as it is") {
  const TestDsn dsn;
  World world(dsn.dsn());
  world.On("bad", Broken);
  const std::string id = world.Insert({MakeStep("a", ""), MakeStep("bad", "", {"a"})});
  const auto engine = world.NewEngine();
  world.AwaitEnd(id);
  REQUIRE_OK(world.db().Transact([&](store::Transaction& tx) { return store::Abandon(tx, id); }));
  const auto record = world.Get(id);
  CHECK(Name(record.operation.state()) == "FAILED");
  CHECK(record.operation.abandoned());
  CHECK_FALSE(record.operation.holds_cluster());
  CHECK(world.StateOf(id, "a") == "SUCCEEDED");
  for (auto* change : {store::RequestResume, store::RequestRollback, store::Abandon}) {
    CHECK(Reason(world.db().Transact([&](store::Transaction& tx) { return change(tx, id); })) ==
          "OPERATION_SUPERSEDED");
  }
  CHECK(Name(world.AwaitEnd(world.Insert({MakeStep("x", "", {}, "ok")})).operation.state()) ==
        "SUCCEEDED");
}

TEST_CASE("what the call itself did never runs, and is undone even if nothing else was begun") {
  const TestDsn dsn;
  World world(dsn.dsn());
  std::vector<Step> steps = {MakeStep("made", "", {}, "ok"), MakeStep("a", "", {"made"}, "ok")};
  steps[0].done = true;
  const std::string id = world.Insert(steps);
  CHECK(world.StateOf(id, "made") == "SUCCEEDED");
  world.Cancel(id);
  const auto engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "CANCELLED");
  world.Rollback(id);
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "ROLLED_BACK");
  CHECK(world.Runs("made") == 0);
  CHECK(world.StateOf(id, "made") == "UNDONE");
  CHECK(world.StateOf(id, "a") == "CANCELLED");
  CHECK(world.Transitions(id).at(1) == "made SUCCEEDED 1");
}

}  // namespace
}  // namespace dmgr::engine
