// Which steps run, when, and where.
#include <atomic>
#include <set>
#include <thread>

#include "absl/time/clock.h"
#include "tests/engine/world.h"

namespace dmgr::engine {
namespace {

using test::TestDsn;

TEST_CASE("steps run after what they depend on, and their results are kept") {
  const TestDsn dsn;
  World world(dsn.dsn());
  world.On("a", [](StepContext& context) -> absl::StatusOr<StepResult> {
    if (context.claim().operation_id != context.operation().operation.operation_id() ||
        context.step().payload_json != R"({"n": 1})" || context.step().step.attempts() != 1 ||
        context.deadline() < absl::Now() || context.Cancelled() || !context.CheckClaim().ok()) {
      return absl::InternalError("the context is wrong");
    }
    return StepResult{.result_json = R"({"found":2})", .commit = nullptr};
  });
  // The plan's order is not the order of running.
  std::vector<Step> steps = {MakeStep("d", "h1", {"b", "c"}), MakeStep("c", "h2", {"a"}),
                             MakeStep("b", "", {"a"}), MakeStep("a", "h1")};
  steps[3].payload_json = R"({"n": 1})";
  const std::string id = world.Insert(steps);
  const auto engine = world.NewEngine();
  const auto record = world.AwaitEnd(id);
  INFO(record.operation.error().message());
  CHECK(Name(record.operation.state()) == "SUCCEEDED");
  CHECK(record.operation.progress_percent() == 100);
  CHECK_FALSE(record.operation.holds_cluster());
  CHECK(record.steps[3].result_json == R"({"found":2})");
  const auto lines = world.Transitions(id);
  const auto before = [&](const std::string& first, const std::string& second) {
    CHECK(At(lines, first) < At(lines, second));
  };
  before("QUEUED", "RUNNING");
  before("RUNNING", "a RUNNING 1");
  before("a RUNNING 1", "a SUCCEEDED 1");
  before("a SUCCEEDED 1", "b RUNNING 1");
  before("a SUCCEEDED 1", "c RUNNING 1");
  before("b SUCCEEDED 1", "d RUNNING 1");
  before("c SUCCEEDED 1", "d RUNNING 1");
  CHECK(lines.back() == "SUCCEEDED");
  CHECK(lines.size() == 2 + 4 * 2 + 1);
  // The hosts' sessions end before the operation does, which sets the cluster free.
  CHECK(world.Journal().back() == "scope ends");
}

TEST_CASE("a plan without steps succeeds") {
  const TestDsn dsn;
  World world(dsn.dsn());
  const auto engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(world.Insert({})).operation.state()) == "SUCCEEDED");
}

TEST_CASE("steps of different hosts, and those of none, run side by side") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  world.On("meet", [&](StepContext&) -> absl::StatusOr<StepResult> {
    if (!stage.Meet(5)) return absl::InternalError("alone");
    return StepResult();
  });
  std::vector<Step> steps;
  for (const char* host : {"h1", "h2", "h3", "", ""}) {
    steps.push_back(MakeStep("s" + std::to_string(steps.size()), host, {}, "meet"));
  }
  const std::string id = world.Insert(steps);
  const auto engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
}

TEST_CASE("steps of one host run one after another, in the plan's order, on one thread") {
  const TestDsn dsn;
  World world(dsn.dsn());
  std::mutex mutex;
  std::map<std::string, std::set<std::thread::id>> threads;
  world.On("note", [&](StepContext& context) {
    const std::lock_guard lock(mutex);
    threads[context.step().step.host()].insert(std::this_thread::get_id());
    return StepResult();
  });
  std::vector<Step> steps;
  for (int i = 0; i < 6; ++i) {
    const std::string host = i % 2 == 0 ? "h1" : "h2";
    steps.push_back(MakeStep(host + "/" + std::to_string(i), host, {}, "note"));
  }
  const std::string id = world.Insert(steps);
  const auto engine = world.NewEngine();
  REQUIRE(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  std::vector<std::string> of_h1;
  for (const std::string& line : world.Journal()) {
    if (line.starts_with("h1/")) of_h1.push_back(line);
  }
  CHECK(of_h1 == std::vector<std::string>{"h1/0 begins", "h1/0 ends", "h1/2 begins", "h1/2 ends",
                                          "h1/4 begins", "h1/4 ends"});
  REQUIRE(threads["h1"].size() == 1);
  REQUIRE(threads["h2"].size() == 1);
  CHECK(threads["h1"] != threads["h2"]);
}

// The transaction that recorded an event.
std::string TransactionOf(const TestDsn& dsn, const std::string& step, const std::string& state) {
  return test::Sql(dsn.dsn(), "SELECT xmin FROM operation_event WHERE step_id = '" + step +
                                  "' AND state = '" + state + "'");
}

TEST_CASE("what a host can do by itself begins in the transaction that ends the step before") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  for (const char* step : {"a", "b", "c", "d", "e"}) {
    world.On(step, [](StepContext&) { return StepResult(); });
  }
  world.On("other", [&](StepContext& context) {
    stage.Pass(context);
    return StepResult();
  });
  const std::string id = world.Insert({MakeStep("a", "h1"), MakeStep("b", "h1", {"a"}),
                                       MakeStep("c", "h1", {"a"}), MakeStep("d", "h1", {"b", "c"}),
                                       MakeStep("other", "h2"), MakeStep("e", "h1", {"other"})});
  const auto engine = world.NewEngine();
  // What waits for another host holds up nothing.
  world.Until([&] { return world.StateOf(id, "d") == "SUCCEEDED"; });
  CHECK(world.StateOf(id, "e") == "PENDING");
  stage.Open();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  const std::string states[] = {"a", "b", "c", "d"};
  for (int i = 0; i < 3; ++i) {
    INFO(states[i]);
    CHECK(TransactionOf(dsn, states[i], "SUCCEEDED") ==
          TransactionOf(dsn, states[i + 1], "RUNNING"));
  }
  for (const char* step : {"a", "b", "c", "d", "other", "e"}) CHECK(world.Runs(step) == 1);
}

TEST_CASE("a host that is busy keeps no other waiting") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  world.On("a", [&](StepContext& context) {
    stage.Pass(context);
    return StepResult();
  });
  const std::string id = world.Insert(
      {MakeStep("a", "h1"), MakeStep("b", "h1"), MakeStep("c", "h2"), MakeStep("d", "", {"c"})});
  const auto engine = world.NewEngine({.max_steps = 2});
  stage.AwaitArrivals(1);
  world.Until([&] { return world.StateOf(id, "d") == "SUCCEEDED"; });
  CHECK(world.StateOf(id, "a") == "RUNNING");
  CHECK(world.StateOf(id, "b") == "PENDING");
  stage.Open();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
}

TEST_CASE("the cap holds for all operations together") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage both;
  std::atomic<int> now = 0, most = 0;
  world.On("count", [&](StepContext&) -> absl::StatusOr<StepResult> {
    const int count = ++now;
    for (int seen = most; count > seen && !most.compare_exchange_weak(seen, count);) {
    }
    const bool met = both.Meet(2);
    --now;
    if (!met) return absl::InternalError("alone");
    return StepResult();
  });
  std::vector<std::string> ids;
  for (const char* cluster : {"c1", "c2", "c3"}) {
    std::vector<Step> steps;
    for (int i = 0; i < 8; ++i) {
      steps.push_back(
          MakeStep(std::to_string(i), i % 2 == 0 ? "" : "h" + std::to_string(i), {}, "count"));
    }
    ids.push_back(world.Insert(steps, cluster));
  }
  const auto engine = world.NewEngine({.max_steps = 2});
  for (const std::string& id : ids)
    CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  CHECK(most == 2);
}

TEST_CASE("no more operations than max_operations run; one begins when one ends") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  world.On("a", [&](StepContext& context) {
    stage.Pass(context);
    return StepResult();
  });
  const std::string first = world.Insert({MakeStep("a", "h1")}, "c1");
  const std::string second = world.Insert({MakeStep("b", "h1")}, "c2");
  const auto engine = world.NewEngine({.max_operations = 1});
  stage.AwaitArrivals(1);
  CHECK(Name(world.Get(second).operation.state()) == "QUEUED");
  stage.Open();
  CHECK(Name(world.AwaitEnd(second).operation.state()) == "SUCCEEDED");
  CHECK(Name(world.AwaitEnd(first).operation.state()) == "SUCCEEDED");
  const auto micros = [](const google::protobuf::Timestamp& time) {
    return time.seconds() * 1000000 + time.nanos() / 1000;
  };
  CHECK(micros(world.Get(second).operation.start_time()) >=
        micros(world.Get(first).operation.end_time()));
}

TEST_CASE("the thread of a host that waits looks after its session") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  std::thread::id of_h1;
  world.On("a", [&](StepContext&) {
    of_h1 = std::this_thread::get_id();
    return StepResult();
  });
  world.On("b", [&](StepContext& context) {
    stage.Pass(context);
    return StepResult();
  });
  const std::string id =
      world.Insert({MakeStep("a", "h1"), MakeStep("b", "h2"), MakeStep("c", "h1", {"b"})});
  const auto engine = world.NewEngine();
  world.Until([&] { return !world.Idles().empty(); });
  stage.Open();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  for (const auto& [host, thread] : world.Idles()) {
    CHECK(host == "h1");
    CHECK(thread == of_h1);
  }
}

}  // namespace
}  // namespace dmgr::engine
