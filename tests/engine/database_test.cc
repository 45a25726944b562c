// Databases that go away in the middle.
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "server/store/embedded.h"
#include "tests/engine/world.h"
#include "tests/support/temp_dir.h"

namespace dmgr::engine {
namespace {

using test::Sql;

// A server of its own, to be killed.
class Server {
 public:
  Server() {
    auto started = store::EmbeddedServer::Start({.dir = dir_ / "pg"});
    REQUIRE_OK(started.status());
    embedded_ = std::move(*started);
    // It is to survive the end of processes, not of the machine.
    Sql(dsn(), "ALTER SYSTEM SET fsync = off");
    Sql(dsn(), "SELECT pg_reload_conf()");
  }
  std::string dsn() const { return embedded_->Dsn(); }
  void Kill() {
    pid_t pid = 0;
    std::ifstream(dir_ / "pg/data/postmaster.pid") >> pid;
    REQUIRE(pid > 1);
    const auto cwd = std::filesystem::read_symlink(fmt::format("/proc/{}/cwd", pid));
    REQUIRE(cwd == dir_ / "pg/data");
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    REQUIRE(fd >= 0);
    const int killed = kill(pid, SIGKILL);
    pollfd ended = {fd, POLLIN, 0};
    const int count = poll(&ended, 1, 60'000);
    close(fd);
    REQUIRE(killed == 0);
    REQUIRE(count == 1);
  }
  void Restart() { REQUIRE_OK(embedded_->EnsureRunning()); }

 private:
  test::TempDir dir_;
  std::unique_ptr<store::EmbeddedServer> embedded_;
};

std::vector<Step> Chain(int count, const std::string& runner) {
  std::vector<Step> steps;
  for (int i = 0; i < count; ++i) {
    const std::string host = i % 3 == 0 ? "" : "h" + std::to_string(i % 3);
    steps.push_back(MakeStep("s" + std::to_string(i), host, {}, runner));
    if (i > 0) steps.back().depends_on = {"s" + std::to_string(i - 1)};
  }
  return steps;
}

// Each step of a chain was begun and has succeeded once, in order, and that was all.
void CheckStraight(World& world, const std::string& id, int count) {
  std::vector<std::string> expected = {"QUEUED", "RUNNING"};
  for (int i = 0; i < count; ++i) {
    expected.push_back(fmt::format("s{} RUNNING 1", i));
    expected.push_back(fmt::format("s{} SUCCEEDED 1", i));
    CHECK(world.Runs("s" + std::to_string(i)) == 1);
  }
  expected.emplace_back("SUCCEEDED");
  CHECK(world.Transitions(id) == expected);
}

TEST_CASE("the database is killed in the middle and comes back: nothing is lost or done twice") {
  Server server;
  World world(server.dsn());
  std::map<std::string, Stage> stages;
  for (const char* step : {"s2", "s4", "s7"}) stages[step];
  world.On("work", [&](StepContext& context) -> absl::StatusOr<StepResult> {
    context.Log(v1::LogLine::LEVEL_INFO, "before");
    const auto stage = stages.find(context.step().step.step_id());
    if (stage != stages.end() && !stage->second.Pass(context)) {
      return absl::CancelledError("the claim was lost");
    }
    context.Progress(10, 10);
    context.Log(v1::LogLine::LEVEL_INFO, "after");
    return StepResult();
  });
  const std::string id = world.Insert(Chain(10, "work"));
  // Longer than a restart of the server takes on a busy machine.
  const auto engine = world.NewEngine({.lease = absl::Minutes(5)});
  for (auto& [step, stage] : stages) {
    stage.AwaitArrivals(1);
    server.Kill();
    stage.Open();  // What the step writes now finds no database.
    server.Restart();
  }
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  CheckStraight(world, id, 10);
  int logs = 0;
  for (const v1::OperationEvent& event : world.Events(id)) logs += event.has_log() ? 1 : 0;
  CHECK(logs == 20);
}

TEST_CASE("a commit whose answer got lost is not made twice") {
  Server server;
  World world(server.dsn());
  Stage stage;
  world.On("work", [&](StepContext& context) {
    stage.Pass(context);
    return StepResult();
  });
  constexpr int kSteps = 40;
  const std::string id = world.Insert(Chain(kSteps, "work"));
  const auto engine = world.NewEngine({.lease = absl::Hours(1)});
  stage.AwaitArrivals(1);
  // From here on a commit is made, and then waits for a standby that there is not.
  Sql(server.dsn(), "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  Sql(server.dsn(), "SELECT pg_reload_conf()");
  stage.Open();
  for (int i = 0; i < 3; ++i) {
    world.Until([&] {
      return Sql(server.dsn(),
                 "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                 " WHERE wait_event = 'SyncRep'") != "0";
    });
  }
  Sql(server.dsn(), "ALTER SYSTEM RESET synchronous_standby_names");
  Sql(server.dsn(), "SELECT pg_reload_conf()");
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  CheckStraight(world, id, kSteps);
}

TEST_CASE("without a database the engine lets go before its lease ends, and goes on afterwards") {
  Server server;
  World world(server.dsn());
  Stage stage;
  std::atomic<bool> cancelled = false;
  std::atomic<bool> late = false;
  std::chrono::steady_clock::time_point killed;
  world.On("a", [&](StepContext& context) -> absl::StatusOr<StepResult> {
    if (context.step().step.attempts() > 1) return StepResult();
    cancelled = !stage.Pass(context);
    late = std::chrono::steady_clock::now() - killed > std::chrono::seconds(3);
    return absl::UnavailableError("ended early");
  });
  const std::string id = world.Insert({MakeStep("a", "h1"), MakeStep("b", "h1")});
  const auto engine = world.NewEngine({.lease = absl::Seconds(3)});
  stage.AwaitArrivals(1);
  killed = std::chrono::steady_clock::now();
  server.Kill();
  world.Until([&] { return !world.Journal().empty() && world.Journal().back() == "scope ends"; });
  CHECK(cancelled);
  CHECK_FALSE(late);
  server.Restart();
  CHECK(Name(world.AwaitEnd(id).operation.state()) == "SUCCEEDED");
  CHECK(world.Runs("a") == 2);
  CHECK(world.Runs("b") == 1);
}

}  // namespace
}  // namespace dmgr::engine
