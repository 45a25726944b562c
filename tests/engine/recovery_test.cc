// Engines that end in the middle: killed, stopped, or without their lease.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/engine/world.h"

namespace dmgr::engine {
namespace {

using test::Sql;
using test::TestDsn;

constexpr char kChildDsn[] = "DMGR_TEST_CHILD_DSN";
constexpr absl::Duration kLongLease = absl::Hours(1);

// Counts, in the database, that a step of any process was run.
Code Counted(const std::string& dsn) {
  return [dsn](StepContext& context) {
    Sql(dsn, fmt::format("INSERT INTO runs VALUES ('{}')", context.step().step.step_id()));
    return StepResult();
  };
}

int CountedRuns(const std::string& dsn, const std::string& step) {
  return std::stoi(Sql(dsn, fmt::format("SELECT count(*) FROM runs WHERE step = '{}'", step)));
}

// Not a test: what a process is that recovery tests kill. It executes what there is until then.
TEST_CASE("child", "[.child]") {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const char* dsn = std::getenv(kChildDsn);
  REQUIRE(dsn != nullptr);
  World world(dsn);
  Stage never;
  world.On("count", Counted(dsn));
  world.On("hang", [&](StepContext& context) {
    const auto result = Counted(dsn)(context);
    never.Pass(context);
    return result;
  });
  const auto engine = world.NewEngine({.lease = kLongLease, .max_steps = 3});
  while (true) pause();
}

// An engine in a process of its own, which is killed at the end.
class Child {
 public:
  explicit Child(const std::string& dsn) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    std::string program = self, which = "[child]", variable = std::string(kChildDsn) + "=" + dsn;
    char* argv[] = {program.data(), which.data(), nullptr};
    char* environment[] = {variable.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    const int result = posix_spawn(&pid_, self.c_str(), &actions, nullptr, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    REQUIRE(result == 0);
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  void Signal(int number) const { REQUIRE(kill(pid_, number) == 0); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

 private:
  pid_t pid_ = 0;
};

TEST_CASE("a daemon is killed in a step: the next one goes on at once, and runs nothing twice") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Sql(dsn.dsn(), "CREATE TABLE runs (step text)");
  world.On("count", Counted(dsn.dsn()));
  world.On("hang", Counted(dsn.dsn()));
  const std::string id =
      world.Insert({MakeStep("a", "h1", {}, "count"), MakeStep("b", "", {}, "count"),
                    MakeStep("c", "h1", {"a", "b"}, "hang"), MakeStep("d", "h2", {"c"}, "count")});
  {
    const Child child(dsn.dsn());
    world.Until([&] { return CountedRuns(dsn.dsn(), "c") == 1; });
  }
  CHECK(world.StateOf(id, "c") == "RUNNING");
  SECTION("on the same machine: the old lease, of an hour, is of a dead process") {}
  SECTION("elsewhere: its session at the database has ended") {
    Sql(dsn.dsn(),
        "UPDATE operation SET lease_owner = regexp_replace(lease_owner, 'boot=[^ ]*', 'boot=x')");
  }
  SECTION("elsewhere, and of a version that has no session: when the lease has run out") {
    Sql(dsn.dsn(),
        "UPDATE operation SET lease_owner = 'another machine',"
        " lease_until = clock_timestamp() + interval '1 second'");
  }
  const auto engine = world.NewEngine();
  const auto record = world.AwaitEnd(id);
  CHECK(Name(record.operation.state()) == "SUCCEEDED");
  for (const char* step : {"a", "b", "d"}) CHECK(CountedRuns(dsn.dsn(), step) == 1);
  CHECK(CountedRuns(dsn.dsn(), "c") == 2);
  const auto lines = world.Transitions(id);
  CHECK(At(lines, "c RUNNING 1") < At(lines, "c PENDING 1"));
  CHECK(At(lines, "c PENDING 1") < At(lines, "c RUNNING 2"));
  CHECK(record.steps[2].step.attempts() == 2);
}

// Kills a dmgrd as soon as it has begun a step once more.
void KillInStep(World& world, const TestDsn& dsn, const std::string& step) {
  const int before = CountedRuns(dsn.dsn(), step);
  const Child child(dsn.dsn());
  world.Until([&] { return CountedRuns(dsn.dsn(), step) == before + 1; });
}

TEST_CASE("an operation that dmgrd ended by ten times waits for a person; others go on") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Sql(dsn.dsn(), "CREATE TABLE runs (step text)");
  world.On("count", Counted(dsn.dsn()));
  world.On("hang", Counted(dsn.dsn()));
  const std::string id =
      world.Insert({MakeStep("a", "h1", {}, "count"), MakeStep("b", "h1", {"a"}, "hang")}, "c1");
  for (int i = 0; i < 10; ++i) KillInStep(world, dsn, "b");
  const std::string other = world.Insert({MakeStep("d", "h1", {}, "count")}, "c2");
  const auto engine = world.NewEngine();
  const auto parked = world.AwaitEnd(id);
  CHECK(Name(parked.operation.state()) == "FAILED");
  CHECK(parked.operation.holds_cluster());
  const absl::Status error = FromProto(parked.operation.error());
  CHECK(Reason(error) == "CRASHED_DMGRD");
  CHECK(Message(error).find("10 times") != std::string::npos);
  CHECK(NextActionsOf(error).size() == 3);
  CHECK(CountedRuns(dsn.dsn(), "b") == 10);
  CHECK(world.StateOf(id, "b") == "PENDING");
  CHECK(Name(world.AwaitEnd(other).operation.state()) == "SUCCEEDED");
  CHECK(world.Transitions(id).back() == "FAILED");
  // A person says that it may.
  world.Resume(id);
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
}

TEST_CASE(
    "a step that ends is progress: what is killed again and again, and goes on, is no danger") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Sql(dsn.dsn(), "CREATE TABLE runs (step text)");
  world.On("count", Counted(dsn.dsn()));
  world.On("hang", Counted(dsn.dsn()));
  const std::string id = world.Insert({MakeStep("a", "h1", {}, "hang")});
  KillInStep(world, dsn, "a");
  KillInStep(world, dsn, "a");
  {
    // Given back in order: not lost.
    const auto engine = world.NewEngine();
    CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  }
  CHECK(Sql(dsn.dsn(), "SELECT lost_claims FROM operation") == "0");
}

TEST_CASE("an operation that cannot be read ends, and the next one goes on") {
  const TestDsn dsn;
  World world(dsn.dsn());
  const std::string bad = world.Insert({MakeStep("a", "h1", {}, "ok")}, "c1");
  const std::string good = world.Insert({MakeStep("b", "h1", {}, "ok")}, "c2");
  Sql(dsn.dsn(), fmt::format("UPDATE operation_step SET depends_on = '[1]'"
                             " WHERE operation_id = '{}'",
                             bad));
  const auto engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(good).operation.state()) == "SUCCEEDED");
  CHECK(Sql(dsn.dsn(), fmt::format("SELECT state || ' ' || holds_cluster FROM operation"
                                   " WHERE operation_id = '{}'",
                                   bad)) == "FAILED true");
  Sql(dsn.dsn(), "UPDATE operation_step SET depends_on = '[]'");
  const auto record = world.Get(bad);
  CHECK(Reason(FromProto(record.operation.error())) == "OPERATION_UNREADABLE");
  world.Resume(bad);
  CHECK(Name(world.AwaitEnd(bad).operation.state()) == "SUCCEEDED");
}

TEST_CASE("a lease of a process that lives is left alone") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Sql(dsn.dsn(), "CREATE TABLE runs (step text)");
  const std::string held = world.Insert({MakeStep("a", "h1", {}, "hang")}, "c1");
  const Child child(dsn.dsn());
  world.Until([&] { return CountedRuns(dsn.dsn(), "a") == 1; });
  const std::string owner = Sql(dsn.dsn(), "SELECT lease_owner FROM operation");
  CHECK_FALSE(owner.empty());
  world.On("count", Counted(dsn.dsn()));
  // A runner that the child has too: either of the two runs it.
  const auto engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(world.Insert({MakeStep("b", "h1", {}, "count")}, "c2"))
                 .operation.state()) == "SUCCEEDED");
  CHECK(Sql(dsn.dsn(), fmt::format("SELECT lease_owner FROM operation WHERE operation_id = '{}'",
                                   held)) == owner);
  CHECK(CountedRuns(dsn.dsn(), "a") == 1);
}

// What the engine's own session waits for, or holds: its lock.
std::string PresenceLocks(const std::string& dsn, bool granted) {
  return Sql(dsn, fmt::format("SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                              " WHERE locktype = 'advisory' AND mode = 'ShareLock'"
                              " AND granted = {} AND datname = current_database()",
                              granted));
}

TEST_CASE("a paused owner keeps its operation until its lease has run out, and then does nothing") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Sql(dsn.dsn(), "CREATE TABLE runs (step text)");
  const std::string id =
      world.Insert({MakeStep("a", "h1", {}, "hang"), MakeStep("b", "h1", {"a"}, "count")}, "c1");
  const Child child(dsn.dsn());
  world.Until([&] { return CountedRuns(dsn.dsn(), "a") == 1; });
  child.Signal(SIGSTOP);
  const std::string owner = Sql(dsn.dsn(), "SELECT lease_owner FROM operation");
  World other(dsn.dsn());
  other.On("count", Counted(dsn.dsn()));
  other.On("hang", Counted(dsn.dsn()));
  auto engine = other.NewEngine();
  // Until the other would believe an owner's session.
  const auto until_settled = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (int i = 0; std::chrono::steady_clock::now() < until_settled; ++i) {
    other.AwaitEnd(other.Insert({MakeStep("x", "h2", {}, "ok")}, "x" + std::to_string(i)));
  }
  CHECK(Sql(dsn.dsn(), fmt::format("SELECT lease_owner FROM operation WHERE operation_id = '{}'",
                                   id)) == owner);
  Sql(dsn.dsn(), fmt::format("UPDATE operation SET lease_until = clock_timestamp()"
                             " WHERE operation_id = '{}'",
                             id));
  CHECK(Name(other.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  const auto events = other.Events(id).size();
  engine.reset();
  child.Signal(SIGCONT);
  // It looks after its claim, lets go, and goes on with what there is.
  Sql(dsn.dsn(), fmt::format("SELECT pg_notify('{}', '{}')", store::kQueueChannel, id));
  other.AwaitEnd(other.Insert({MakeStep("y", "h2", {}, "count")}, "y"));
  CHECK(other.Events(id).size() == events);
  CHECK(CountedRuns(dsn.dsn(), "a") == 2);
  CHECK(CountedRuns(dsn.dsn(), "b") == 1);
}

TEST_CASE(
    "an owner whose session breaks keeps what nobody has taken, and claims nothing until it"
    " has one again") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  world.On("hold", [&](StepContext& context) -> absl::StatusOr<StepResult> {
    if (stage.Pass(context)) return StepResult();
    return absl::CancelledError("the claim was lost");
  });
  const std::string held = world.Insert({MakeStep("a", "h1", {}, "hold")}, "c1");
  const auto engine = world.NewEngine({.lease = kLongLease});
  stage.AwaitArrivals(1);
  const std::string owner = Sql(dsn.dsn(), "SELECT lease_owner FROM operation");
  std::string waiting;
  REQUIRE_OK(world.db().Transact([&](store::Transaction& tx) -> absl::Status {
    Sql(dsn.dsn(),
        "SELECT pg_terminate_backend(pid) FROM pg_locks"
        " WHERE locktype = 'advisory' AND mode = 'ShareLock'");
    bool absent = false;
    while (!absent) {
      ASSIGN_OR_RETURN(absent, store::IsAbsent(tx, owner));
    }
    waiting = world.Insert({MakeStep("b", "h1")}, "c2");
    // It tries to come back, and waits for this transaction.
    while (PresenceLocks(dsn.dsn(), false) != "1") {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return absl::OkStatus();
  }));
  CHECK(world.Transitions(waiting).front() == "QUEUED");
  CHECK(Name(world.AwaitEnd(waiting).operation.state()) == "SUCCEEDED");
  CHECK(PresenceLocks(dsn.dsn(), true) == "1");
  stage.Open();
  CHECK(Name(world.AwaitEnd(held).operation.state()) == "SUCCEEDED");
  CHECK(world.Runs("a") == 1);
}

TEST_CASE("an owner whose session breaks lets go at once of what another has taken meanwhile") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  std::atomic<bool> cancelled = false;
  world.On("hold", [&](StepContext& context) -> absl::StatusOr<StepResult> {
    cancelled = !stage.Pass(context);
    return absl::CancelledError("the claim was lost");
  });
  world.Insert({MakeStep("a", "h1", {}, "hold")});
  const auto engine = world.NewEngine({.lease = kLongLease});
  stage.AwaitArrivals(1);
  Sql(dsn.dsn(),
      "UPDATE operation SET epoch = nextval('operation_epoch'), lease_owner = 'thief';"
      "SELECT pg_terminate_backend(pid) FROM pg_locks"
      " WHERE locktype = 'advisory' AND mode = 'ShareLock'");
  world.Until([&] {
    const auto journal = world.Journal();
    return !journal.empty() && journal.back() == "scope ends";
  });
  CHECK(cancelled);
}

TEST_CASE("who holds the data folder takes over from whoever held it before") {
  const TestDsn dsn;
  World world(dsn.dsn());
  const std::string id = world.Insert({MakeStep("a", "h1")});
  // Of a machine, or a container, that is not there any more.
  Sql(dsn.dsn(),
      "UPDATE operation SET state = 'RUNNING', lease_owner = 'host=h boot=x folder=held',"
      " lease_until = clock_timestamp() + interval '1 hour'");
  const auto engine = world.NewEngine({.holds_data_folder = true});
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
}

TEST_CASE("daemons are killed again and again, at any moment: the operation ends well") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Sql(dsn.dsn(), "CREATE TABLE runs (step text)");
  world.On("count", Counted(dsn.dsn()));
  std::vector<Step> steps;
  constexpr int kSteps = 60;
  for (int i = 0; i < kSteps; ++i) {
    const std::string host = i % 3 == 0 ? "" : "h" + std::to_string(i % 3);
    steps.push_back(MakeStep(std::to_string(i), host, {}, "count"));
    if (i >= 2) steps.back().depends_on = {std::to_string(i - 2)};
  }
  const std::string id = world.Insert(steps);
  for (int kills = 0; kills < 5; ++kills) {
    const std::size_t seen = world.Events(id).size();
    const Child child(dsn.dsn());
    world.Until([&] { return world.Events(id).size() > seen + 7; });
  }
  const auto engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  std::map<std::string, int> succeeded;
  for (const v1::OperationEvent& event : world.Events(id)) {
    const auto& changed = event.step_state();
    if (changed.state() != v1::STEP_STATE_SUCCEEDED) continue;
    ++succeeded[changed.step_id()];
    // Run as often as it was begun, less what was killed between the record and the run.
    CHECK(CountedRuns(dsn.dsn(), changed.step_id()) <= static_cast<int>(changed.attempt()));
    CHECK(CountedRuns(dsn.dsn(), changed.step_id()) >= 1);
  }
  CHECK(succeeded.size() == kSteps);
  for (const auto& [step, count] : succeeded) CHECK(count == 1);
}

TEST_CASE("a lease that another has: steps are cancelled, and nothing more is written") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  std::atomic<bool> cancelled = false, check_failed = false;
  world.On("a", [&](StepContext& context) {
    cancelled = !stage.Pass(context);
    check_failed = Reason(context.CheckClaim()) == "LEASE_LOST";
    context.Log(v1::LogLine::LEVEL_INFO, "too late");
    context.Progress(1, 2);
    return StepResult{.commit = [](store::Transaction&) { return absl::InternalError("ran"); }};
  });
  world.On("b", [](StepContext&) { return absl::InternalError("must not begin"); });
  const std::string id =
      world.Insert({MakeStep("a", "h1"), MakeStep("b", "h1"), MakeStep("c", "h1")});
  auto engine = world.NewEngine({.lease = absl::Seconds(1)});
  stage.AwaitArrivals(1);
  Sql(dsn.dsn(),
      "UPDATE operation SET epoch = nextval('operation_epoch'), lease_owner = 'thief',"
      " lease_until = clock_timestamp() + interval '1 hour'");
  const auto events = world.Events(id).size();
  world.Until([&] {
    const auto journal = world.Journal();
    return !journal.empty() && journal.back() == "scope ends";
  });
  CHECK(cancelled);
  CHECK(check_failed);
  engine.reset();
  CHECK(world.Events(id).size() == events);
  CHECK(world.StateOf(id, "a") == "RUNNING");
  CHECK(Name(world.Get(id).operation.state()) == "RUNNING");
  CHECK(Sql(dsn.dsn(), "SELECT lease_owner FROM operation") == "thief");
  CHECK(world.Runs("b") == 0);
}

TEST_CASE("a daemon that stops: steps are cancelled, the next start goes on at once") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  std::atomic<int> cancelled = 0;
  world.On("hold", [&](StepContext& context) -> absl::StatusOr<StepResult> {
    if (stage.Pass(context)) return StepResult();
    ++cancelled;
    return absl::CancelledError("the daemon stops");
  });
  const std::string id = world.Insert({MakeStep("a", "h1"), MakeStep("b", "h1", {}, "hold"),
                                       MakeStep("c", "h1"), MakeStep("d", "", {}, "hold")});
  auto engine = world.NewEngine({.lease = kLongLease});
  stage.AwaitArrivals(2);
  engine->Shutdown(absl::ZeroDuration());
  engine->Shutdown(absl::ZeroDuration());
  CHECK(cancelled == 2);
  CHECK(Name(world.Get(id).operation.state()) == "RUNNING");
  CHECK(world.StateOf(id, "b") == "RUNNING");
  CHECK(Sql(dsn.dsn(), "SELECT lease_owner FROM operation").empty());
  CHECK(world.Runs("c") == 0);
  // A stopped engine claims nothing more.
  const std::string later = world.Insert({}, "c2");
  engine.reset();
  CHECK(Name(world.Get(later).operation.state()) == "QUEUED");

  stage.Open();
  engine = world.NewEngine({.lease = kLongLease});
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  CHECK(world.Runs("a") == 1);
  CHECK(world.Runs("b") == 2);
  CHECK(world.Runs("c") == 1);
}

TEST_CASE("a daemon that stops lets steps end within the grace") {
  const TestDsn dsn;
  World world(dsn.dsn());
  Stage stage;
  std::atomic<bool> cancelled = false;
  world.On("hold", [&](StepContext& context) {
    cancelled = !stage.Pass(context);
    return StepResult();
  });
  std::vector<Step> steps = {MakeStep("first", "h1", {}, "hold")};
  for (int i = 0; i < 50; ++i) steps.push_back(MakeStep(std::to_string(i), "h1"));
  const std::string id = world.Insert(steps);
  auto engine = world.NewEngine({.lease = kLongLease});
  stage.AwaitArrivals(1);
  std::thread stopper([&] { engine->Shutdown(absl::Hours(1)); });
  stage.Open();
  stopper.join();
  CHECK_FALSE(cancelled);
  CHECK(world.StateOf(id, "first") == "SUCCEEDED");
  // No step was left in the middle, wherever the stop came.
  for (const store::StepRecord& record : world.Get(id).steps) {
    CHECK(record.step.state() != v1::STEP_STATE_RUNNING);
  }
  engine = world.NewEngine({.lease = kLongLease});
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  for (const Step& step : steps) CHECK(world.Runs(step.id) == 1);
}

TEST_CASE("a stop ends the wait for the next attempt") {
  const TestDsn dsn;
  World world(dsn.dsn());
  std::atomic<bool> mended = false;
  world.On("a", [&](StepContext&) -> absl::StatusOr<StepResult> {
    if (mended) return StepResult();
    return absl::UnavailableError("gone");
  });
  const std::string id = world.Insert({MakeStep("a", "h1")});
  // Attempts for about 17 minutes.
  auto engine = world.NewEngine({.lease = kLongLease, .attempts = 10});
  world.Until([&] { return world.Runs("a") == 1; });
  engine->Shutdown(absl::Hours(1));
  CHECK(world.Runs("a") < 5);
  mended = true;
  engine = world.NewEngine();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
}

TEST_CASE("two engines share twenty operations, each of which runs once") {
  const TestDsn dsn;
  World first(dsn.dsn());
  World second(dsn.dsn());
  std::vector<std::string> ids;
  const auto begin = [&](World& world) {
    return world.NewEngine({.max_operations = 3, .max_steps = 4});
  };
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    ids.push_back(first.Insert(
        {MakeStep(n + "/a", "h1"), MakeStep(n + "/b", "", {n + "/a"}), MakeStep(n + "/c", "h2")},
        "c" + n));
  }
  const auto engine = begin(first);
  const auto other = begin(second);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CHECK(Name(first.AwaitEnd(ids[i]).operation.state()) == "SUCCEEDED");
    const auto lines = first.Transitions(ids[i]);
    CHECK(lines.size() == 2 + 3 * 2 + 1);
    for (const char* step : {"/a", "/b", "/c"}) {
      const std::string id = std::to_string(i) + step;
      CHECK(first.Runs(id) + second.Runs(id) == 1);
    }
  }
}

}  // namespace
}  // namespace dmgr::engine
