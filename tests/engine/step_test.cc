// One step: how it is repeated, recorded and reported.
#include <stdexcept>

#include "server/store/package_store.h"
#include "tests/engine/world.h"

namespace dmgr::engine {
namespace {

using test::Sql;
using test::TestDsn;

// A change of recorded state: something that any repository would do.
absl::Status InsertPackage(store::Transaction& tx, const std::string& version) {
  v1::Package package;
  package.set_version(version);
  package.set_file_name("dm-" + version + ".tar.gz");
  package.set_size_bytes(1);
  package.set_sha256(std::string(64, 'a'));
  package.set_arch("amd64");
  return store::InsertPackage(tx, package);
}

std::string Packages(const World& world) {
  return Sql(world.dsn(), "SELECT count(*) FROM warehouse");
}

std::vector<v1::LogLine> Logs(World& world, const std::string& id) {
  std::vector<v1::LogLine> logs;
  for (const v1::OperationEvent& event : world.Events(id)) {
    if (event.has_log()) logs.push_back(event.log());
  }
  return logs;
}

TEST_CASE("UNAVAILABLE is tried again, with a log line that says why and when") {
  const TestDsn dsn;
  World world(dsn.dsn());
  world.On("a", [](StepContext& context) -> absl::StatusOr<StepResult> {
    if (context.step().step.attempts() == 1) return absl::UnavailableError("h1 does not answer");
    return StepResult();
  });
  const std::string id = world.Insert({MakeStep("a", "h1")});
  const auto engine = world.NewEngine();
  const auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "SUCCEEDED");
  CHECK(record.steps[0].step.attempts() == 2);
  CHECK(world.Transitions(id) == std::vector<std::string>{"QUEUED", "RUNNING", "a RUNNING 1",
                                                          "a RUNNING 2", "a SUCCEEDED 2",
                                                          "SUCCEEDED"});
  const auto logs = Logs(world, id);
  REQUIRE(logs.size() == 1);
  CHECK(logs[0].level() == v1::LogLine::LEVEL_WARNING);
  CHECK(logs[0].step_id() == "a");
  CHECK(logs[0].text() == "attempt 1 of 3 failed: h1 does not answer; the next one begins in 1 s");
}

TEST_CASE("what is UNAVAILABLE each time fails after its attempts") {
  const TestDsn dsn;
  World world(dsn.dsn());
  world.On("a", [](StepContext&) { return absl::UnavailableError("gone"); });
  const std::string id = world.Insert({MakeStep("a", "h1")});
  const auto engine = world.NewEngine({.attempts = 2});
  const auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "FAILED");
  CHECK(world.Runs("a") == 2);
  CHECK(record.operation.error().code() == static_cast<int>(absl::StatusCode::kUnavailable));
}

TEST_CASE("other errors fail at once") {
  const TestDsn dsn;
  World world(dsn.dsn());
  const auto code = GENERATE(absl::StatusCode::kPermissionDenied, absl::StatusCode::kInternal,
                             absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kCancelled,
                             absl::StatusCode::kAborted, absl::StatusCode::kResourceExhausted);
  world.On("a", [&](StepContext&) { return absl::Status(code, "no"); });
  const std::string id = world.Insert({MakeStep("a", "h1")});
  const auto engine = world.NewEngine();
  const auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "FAILED");
  CHECK(world.Runs("a") == 1);
  CHECK(record.steps[0].step.error().code() == static_cast<int>(code));
  CHECK(record.operation.error().message() == "do a: no");
}

TEST_CASE("runners that throw fail their step only") {
  const TestDsn dsn;
  World world(dsn.dsn());
  world.On("throws", [](StepContext&) -> absl::StatusOr<StepResult> {
    throw std::runtime_error("the secret is 42");
  });
  world.On("throws_int", [](StepContext&) -> absl::StatusOr<StepResult> { throw 42; });
  const std::string id =
      world.Insert({MakeStep("b", "h1", {}, "throws"), MakeStep("c", "", {}, "throws_int"),
                    MakeStep("d", "h1", {}, "ok")});
  const auto engine = world.NewEngine();
  const auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "FAILED");
  const auto error = [&](int i) { return FromProto(record.steps[i].step.error()); };
  for (const int i : {0, 1}) {
    CHECK(absl::IsInternal(error(i)));
    CHECK(Message(error(i)) == "unexpected failure in dmgrd");
    CHECK_FALSE(Metadata(error(i), "remedy").empty());
  }
  CHECK(world.StateOf(id, "d") == "SUCCEEDED");
}

TEST_CASE("an operation with a step that an engine does not know is left to one that does") {
  const TestDsn dsn;
  World old(dsn.dsn());
  World later(dsn.dsn());
  later.On("new", [](StepContext&) { return StepResult(); });
  const std::string beyond =
      old.Insert({MakeStep("a", "h1"), MakeStep("b", "h1", {"a"}, "new")}, "c1");
  const std::string within = old.Insert({MakeStep("a", "h1")}, "c2");
  const std::string given_up = old.Insert({MakeStep("b", "h1", {}, "new")}, "c3");
  {
    const auto engine = old.NewEngine();
    // It is the youngest that it can do.
    CHECK(Name(old.AwaitEnd(within).operation.state()) == "SUCCEEDED");
    old.Cancel(given_up);
    CHECK(Name(old.AwaitEnd(given_up).operation.state()) == "CANCELLED");
    CHECK(old.Transitions(beyond) == std::vector<std::string>{"QUEUED"});
  }
  const auto engine = later.NewEngine();
  CHECK(Name(later.AwaitEnd(beyond).operation.state()) == "SUCCEEDED");
  CHECK(old.Runs("a") == 1);
  CHECK(later.Runs("b") == 1);
}

TEST_CASE("what a step changes in the store is there exactly when it has succeeded") {
  const TestDsn dsn;
  World world(dsn.dsn());
  world.On("good", [](StepContext&) {
    return StepResult{.commit = [](store::Transaction& tx) { return InsertPackage(tx, "v1"); }};
  });
  SECTION("a commit that works") {
    // Whoever sees SUCCEEDED sees the change, and the other way round.
    Sql(dsn.dsn(),
        "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.state = 'SUCCEEDED' AND NEW.step_id = 'good' AND"
        "  (SELECT xmin::text::bigint FROM warehouse) <> pg_current_xact_id()::text::bigint"
        " THEN RAISE 'not in one transaction'; END IF; RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER look AFTER INSERT ON operation_event DEFERRABLE"
        " INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION look()");
    const std::string id = world.Insert({MakeStep("good", "h1")});
    const auto engine = world.NewEngine();
    CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
    CHECK(Packages(world) == "1");
  }
  SECTION("commits that do not") {
    world.On("refuses", [](StepContext&) {
      return StepResult{.commit = [](store::Transaction& tx) -> absl::Status {
        RETURN_IF_ERROR(InsertPackage(tx, "v2"));
        return absl::FailedPreconditionError("changed my mind");
      }};
    });
    world.On("throws", [](StepContext&) {
      return StepResult{.commit = [](store::Transaction& tx) -> absl::Status {
        RETURN_IF_ERROR(InsertPackage(tx, "v3"));
        throw std::runtime_error("no");
      }};
    });
    world.On("violates", [](StepContext&) {
      return StepResult{.commit = [](store::Transaction& tx) -> absl::Status {
        RETURN_IF_ERROR(InsertPackage(tx, "v4"));
        return InsertPackage(tx, "v4");
      }};
    });
    world.On("no_json", [](StepContext&) {
      return StepResult{.result_json = "{",
                        .commit = [](store::Transaction& tx) { return InsertPackage(tx, "v5"); }};
    });
    const std::string id = world.Insert({MakeStep("refuses", "h1"), MakeStep("throws", "h1"),
                                         MakeStep("violates", "h1"), MakeStep("no_json", "h1")});
    const auto engine = world.NewEngine();
    const auto record = world.AwaitEnd(id);
    CHECK(Name(record.operation.state()) == "FAILED");
    CHECK(record.operation.error().message() == "do refuses: changed my mind");
    for (const store::StepRecord& step : record.steps) {
      INFO(step.step.step_id());
      CHECK(Name(step.step.state()) == "FAILED");
      CHECK(step.step.error().code() != 0);
      CHECK(step.result_json == "{}");
      CHECK(world.Runs(step.step.step_id()) == 1);
    }
    CHECK(Packages(world) == "0");
  }
}

TEST_CASE("a step reads what others recorded, by their names") {
  const TestDsn dsn;
  World world(dsn.dsn());
  world.On("a", [](StepContext&) {
    return StepResult{.result_json = R"({"found": 3})", .commit = nullptr};
  });
  std::string recorded, not_yet;
  absl::Status missing;
  world.On("b", [&](StepContext& context) -> absl::StatusOr<StepResult> {
    ASSIGN_OR_RETURN(recorded, context.ResultOf("a"));
    ASSIGN_OR_RETURN(not_yet, context.ResultOf("b"));
    missing = context.ResultOf("c").status();
    return StepResult();
  });
  const std::string id = world.Insert({MakeStep("a", "h1"), MakeStep("b", "h2", {"a"})});
  const auto engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  CHECK(recorded == R"({"found": 3})");
  CHECK(not_yet == "{}");
  CHECK(missing.code() == absl::StatusCode::kInternal);
  CHECK(Reason(missing) == "STEP_MISSING");
}

TEST_CASE("progress: few events, the last one always, before the step has succeeded") {
  const TestDsn dsn;
  World world(dsn.dsn());
  constexpr std::uint64_t kTotal = 100000;
  world.On("a", [&](StepContext& context) {
    for (std::uint64_t done = 0; done <= kTotal; ++done) context.Progress(done, kTotal);
    return StepResult();
  });
  Step step = MakeStep("a", "h1");
  step.bytes_total = kTotal;
  const std::string id = world.Insert({step});
  const auto engine = world.NewEngine();
  const auto record = world.AwaitEnd(id);
  CHECK(record.steps[0].step.bytes_done() == kTotal);
  std::vector<v1::OperationEvent> progress;
  std::uint64_t succeeded_at = 0;
  for (const v1::OperationEvent& event : world.Events(id)) {
    if (event.has_step_progress()) progress.push_back(event);
    if (event.step_state().state() == v1::STEP_STATE_SUCCEEDED) succeeded_at = event.sequence();
  }
  REQUIRE(!progress.empty());
  CHECK(progress.back().step_progress().bytes_done() == kTotal);
  CHECK(progress.back().sequence() + 1 == succeeded_at);
  const auto seconds = [](const v1::OperationEvent& event) {
    return static_cast<double>(event.time().seconds()) + event.time().nanos() / 1e9;
  };
  const double took = seconds(progress.back()) - seconds(progress.front());
  CHECK(static_cast<double>(progress.size()) <= 2 + took);
}

TEST_CASE("log lines are cut, between characters") {
  const TestDsn dsn;
  World world(dsn.dsn());
  std::string long_text;
  while (long_text.size() < 20000) long_text += "\xe2\x82\xac";
  world.On("a", [&](StepContext& context) {
    context.Log(v1::LogLine::LEVEL_INFO, "short");
    context.Log(v1::LogLine::LEVEL_ERROR, long_text);
    return StepResult();
  });
  const std::string id = world.Insert({MakeStep("a", "h1")});
  const auto engine = world.NewEngine();
  world.AwaitEnd(id);
  const auto logs = Logs(world, id);
  REQUIRE(logs.size() == 2);
  CHECK(logs[0].text() == "short");
  CHECK(logs[0].level() == v1::LogLine::LEVEL_INFO);
  const std::string& text = logs[1].text();
  CHECK(text.size() <= 8192);
  CHECK(text.size() > 8180);
  REQUIRE(text.ends_with("\xe2\x82\xac [cut]"));
  CHECK(long_text.starts_with(text.substr(0, text.size() - 6)));
}

}  // namespace
}  // namespace dmgr::engine
