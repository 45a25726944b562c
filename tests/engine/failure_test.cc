// Operations that do not go straight to their end: failures, cancels, resumes.
#include <atomic>

#include "tests/engine/world.h"

namespace dmgr::engine {
namespace {

using test::TestDsn;

TEST_CASE("a failed step stops what depends on it only; a resume runs what is left") {
  const TestDsn dsn;
  World world(dsn.dsn());
  std::atomic<bool> mended = false;
  Stage stage;
  world.On("a", [&](StepContext&) -> absl::StatusOr<StepResult> {
    if (mended) return StepResult();
    return Error(absl::StatusCode::kPermissionDenied, "NO_SUDO", "h1: sudo refuses")
        .Remedy("let it");
  });
  world.On("d", [&](StepContext& context) {
    stage.Pass(context);
    return StepResult();
  });
  const std::string id = world.Insert({MakeStep("a", "h1"), MakeStep("b", "h1", {"a"}),
                                       MakeStep("c", "h2", {"b", "d"}), MakeStep("d", "h2"),
                                       MakeStep("e", "h2", {"d"}), MakeStep("f", "", {"c"})});
  const auto engine = world.NewEngine();
  world.Until([&] { return world.StateOf(id, "a") == "FAILED"; });
  stage.Open();
  auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "FAILED");
  CHECK(record.operation.holds_cluster());
  const absl::Status error = FromProto(record.operation.error());
  CHECK(absl::IsPermissionDenied(error));
  CHECK(Message(error) == "do a: h1: sudo refuses");
  CHECK(Reason(error) == "NO_SUDO");
  CHECK(Metadata(error, "remedy") == "let it");
  for (const char* step : {"d", "e"}) CHECK(world.StateOf(id, step) == "SUCCEEDED");
  for (const char* step : {"b", "c", "f"}) {
    CHECK(world.StateOf(id, step) == "SKIPPED");
    CHECK(world.Runs(step) == 0);
  }
  const auto lines = world.Transitions(id);
  CHECK(At(lines, "e SUCCEEDED 1") < At(lines, "b SKIPPED 0"));
  CHECK(At(lines, "f SKIPPED 0") < At(lines, "FAILED"));

  mended = true;
  world.Resume(id);
  record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "SUCCEEDED");
  CHECK(record.operation.error().code() == 0);
  CHECK(world.Runs("a") == 2);
  for (const char* step : {"b", "c", "d", "e", "f"}) CHECK(world.Runs(step) == 1);
}

TEST_CASE("nothing more is begun on a host that cannot be reached; a resume runs what is left") {
  const TestDsn dsn;
  World world(dsn.dsn());
  std::atomic<bool> mended = false;
  world.On("a", [&](StepContext&) -> absl::StatusOr<StepResult> {
    if (mended) return StepResult();
    return absl::UnavailableError("h1 does not answer");
  });
  const std::string id =
      world.Insert({MakeStep("a", "h1"), MakeStep("b", "h1"), MakeStep("c", "h1", {"d"}),
                    MakeStep("d", "h2"), MakeStep("e", "h2", {"d"}), MakeStep("f", "", {"d"})});
  const auto engine = world.NewEngine({.attempts = 1});
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "FAILED");
  for (const char* step : {"d", "e", "f"}) CHECK(world.StateOf(id, step) == "SUCCEEDED");
  for (const char* step : {"b", "c"}) {
    CHECK(world.StateOf(id, step) == "SKIPPED");
    CHECK(world.Runs(step) == 0);
  }
  mended = true;
  world.Resume(id);
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  for (const char* step : {"b", "c", "d", "e", "f"}) CHECK(world.Runs(step) == 1);
}

TEST_CASE("a step whose record fails begins nothing with it") {
  const TestDsn dsn;
  World world(dsn.dsn());
  std::atomic<bool> mended = false;
  world.On("a", [&](StepContext&) -> absl::StatusOr<StepResult> {
    return StepResult{.result_json = "{}", .commit = [&](store::Transaction&) {
                        return mended ? absl::OkStatus() : absl::InternalError("no");
                      }};
  });
  const std::string id = world.Insert({MakeStep("a", "h1"), MakeStep("b", "h1", {"a"}, "ok")});
  const auto engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "FAILED");
  CHECK(world.StateOf(id, "b") == "SKIPPED");
  CHECK(world.Get(id).steps[1].step.attempts() == 0);
  mended = true;
  world.Resume(id);
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  CHECK(world.Get(id).steps[1].step.attempts() == 1);
}

TEST_CASE("of several failures the operation reports the first") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  world.On("late", [&](StepContext& context) -> absl::StatusOr<StepResult> {
    stage.Pass(context);
    return absl::InternalError("late");
  });
  world.On("early", [](StepContext&) { return absl::NotFoundError("early"); });
  const std::string id = world.Insert({MakeStep("late", "h1"), MakeStep("early", "h2")});
  const auto engine = world.NewEngine();
  world.Until([&] { return world.StateOf(id, "early") == "FAILED"; });
  stage.Open();
  CHECK(world.AwaitEnd(id).operation.error().message() == "do early: early");
}

TEST_CASE("a cancel interrupts a step that does not end by itself") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  std::atomic<bool> again = false;
  world.On("a", [&](StepContext& context) -> absl::StatusOr<StepResult> {
    if (again || stage.Pass(context)) return StepResult();
    return absl::CancelledError("interrupted");
  });
  const std::string id = world.Insert({MakeStep("a", "h1"), MakeStep("b", "h1", {"a"})});
  const auto engine = world.NewEngine({.cancel_grace = absl::Milliseconds(200)});
  stage.AwaitArrivals(1);
  world.Cancel(id);
  const auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "CANCELLED");
  CHECK_FALSE(record.operation.has_error());
  CHECK(world.StateOf(id, "a") == "CANCELLED");
  CHECK(world.StateOf(id, "b") == "CANCELLED");
  again = true;
  world.Resume(id);
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  CHECK(world.Runs("a") == 2);
}

TEST_CASE("a cancel begins no further step, waits for those that run, and can be resumed") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  world.On("a", [&](StepContext& context) {
    stage.Pass(context);
    return StepResult();
  });
  const std::string id = world.Insert(
      {MakeStep("a", "h1"), MakeStep("b", "h1"), MakeStep("c", "h2", {"a"}), MakeStep("d", "h2")});
  const auto engine = world.NewEngine();
  world.Until(
      [&] { return world.StateOf(id, "d") == "SUCCEEDED" && world.StateOf(id, "a") == "RUNNING"; });
  world.Cancel(id);
  CHECK(Name(world.Get(id).operation.state()) == "CANCELLING");
  CHECK(world.StateOf(id, "a") == "RUNNING");
  stage.Open();
  auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "CANCELLED");
  CHECK(record.operation.holds_cluster());
  CHECK(record.operation.error().code() == 0);
  CHECK(world.StateOf(id, "a") == "SUCCEEDED");
  CHECK(world.StateOf(id, "b") == "CANCELLED");
  CHECK(world.StateOf(id, "c") == "CANCELLED");
  CHECK(world.Runs("b") + world.Runs("c") == 0);

  world.Resume(id);
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  for (const char* step : {"a", "b", "c", "d"}) CHECK(world.Runs(step) == 1);
}

TEST_CASE("a cancel that comes when everything is done changes nothing") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  world.On("a", [&](StepContext& context) {
    stage.Pass(context);
    return StepResult();
  });
  const std::string id = world.Insert({MakeStep("a", "h1")});
  const auto engine = world.NewEngine();
  stage.AwaitArrivals(1);
  world.Cancel(id);
  stage.Open();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
}

TEST_CASE("a cancel ends the wait for the next attempt") {
  const TestDsn dsn;
  World world(dsn.dsn());
  world.On("a", [](StepContext&) { return absl::UnavailableError("gone"); });
  const std::string id = world.Insert({MakeStep("a", "h1"), MakeStep("b", "h1", {"a"})});
  // Of seconds: 1 + 2 + ... + 512.
  const auto engine = world.NewEngine({.attempts = 11});
  world.Until([&] { return world.Runs("a") == 2; });
  world.Cancel(id);
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "CANCELLED");
  CHECK(world.StateOf(id, "a") == "FAILED");
  CHECK(world.StateOf(id, "b") == "CANCELLED");
  CHECK(world.Runs("a") <= 3);
}

TEST_CASE("an operation that is cancelled before it runs, runs nothing") {
  const TestDsn dsn;
  World world(dsn.dsn());
  const std::string id = world.Insert({MakeStep("a", "h1"), MakeStep("b", "")});
  world.Cancel(id);
  const auto engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "CANCELLED");
  CHECK(world.Runs("a") + world.Runs("b") == 0);
  CHECK(world.StateOf(id, "a") == "CANCELLED");
}

TEST_CASE("no step begins after a cancel was accepted") {
  const TestDsn dsn;
  World world(dsn.dsn());
  // One after another, each beginning with the end of the one before.
  const bool chained = GENERATE(false, true);
  std::vector<Step> steps;
  for (int i = 0; i < 200; ++i) {
    std::vector<std::string> before;
    if (chained && i > 0) before.push_back(std::to_string(i - 1));
    steps.push_back(MakeStep(std::to_string(i), chained ? "h1" : "", before, "ok"));
  }
  const std::string id = world.Insert(steps);
  const auto engine = world.NewEngine({.max_steps = 4});
  world.Until([&] { return world.Runs("20") == 1; });
  world.Cancel(id);
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "CANCELLED");
  const auto lines = world.Transitions(id);
  for (std::size_t i = At(lines, "CANCELLING"); i < lines.size(); ++i) {
    INFO(lines[i]);
    CHECK(lines[i].find(" RUNNING ") == std::string::npos);
  }
}

TEST_CASE("a scope that cannot be made fails the operation") {
  const TestDsn dsn;
  World world(dsn.dsn());
  const std::string id = world.Insert({MakeStep("a", "h1")});
  Engine engine(&world.db(), dsn.dsn(), &world.registry(),
                [](const store::OperationRecord&) -> std::unique_ptr<Scope> {
                  throw std::runtime_error("no");
                },
                {});
  engine.Start();
  const auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "FAILED");
  CHECK(Reason(FromProto(record.operation.error())) == "SCOPE_FAILED");
  CHECK(world.StateOf(id, "a") == "SKIPPED");
}

}  // namespace
}  // namespace dmgr::engine
