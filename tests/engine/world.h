// What the engine's tests share: a database, fake runners, and ways to wait for what happens.
#ifndef DMGR_TESTS_ENGINE_WORLD_H_
#define DMGR_TESTS_ENGINE_WORLD_H_

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "server/engine/engine.h"
#include "server/engine/plan.h"
#include "tests/support/postgres.h"

// As Catch's REQUIRE, with the status in the failure's text.
#define REQUIRE_OK(expression)                           \
  do {                                                   \
    const absl::Status status_seen = (expression);       \
    INFO(#expression << ": " << status_seen.ToString()); \
    REQUIRE(status_seen.ok());                           \
  } while (false)

namespace dmgr::engine {

// What has to happen, happens within; else the test fails.
inline constexpr std::chrono::seconds kPatience(60);

// A place where steps wait until the test lets them through.
class Stage {
 public:
  // For a step: comes, and waits until the stage is open. False: cancelled meanwhile.
  bool Pass(const StepContext& context);
  void Open();
  // For the test.
  void AwaitArrivals(int count);
  // For steps that wait for each other: false when the others do not come.
  bool Meet(int count);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = false;
};

using Code = std::function<absl::StatusOr<StepResult>(StepContext&)>;
using Look = std::function<absl::StatusOr<bool>(StepContext&)>;

// Declare it before engines: they must end first.
class World {
 public:
  explicit World(const std::string& dsn);

  store::Database& db() { return *database_; }
  const Registry& registry() const { return registry_; }
  const std::string& dsn() const { return dsn_; }

  // Makes a runner; without undo there is nothing to undo, without look it stays done. "ok", which
  // does nothing, is there.
  void On(const std::string& runner, Code code, Code undo = nullptr, Look look = nullptr);
  // Stores an operation; its id.
  std::string Insert(const std::vector<Step>& steps, const std::string& cluster = "c1");
  // Started.
  std::unique_ptr<Engine> NewEngine(EngineOptions options = {});

  void Cancel(const std::string& id);
  void Resume(const std::string& id);
  void Rollback(const std::string& id);

  // Asks again whenever an event is stored or a step begins; fails the test when it takes too long.
  void Until(const std::function<bool()>& condition);
  store::OperationRecord Get(const std::string& id);
  store::OperationRecord AwaitEnd(const std::string& id);
  // All events; checks that they are numbered 1, 2, 3, ...
  std::vector<v1::OperationEvent> Events(const std::string& id);
  // "RUNNING", "a RUNNING 1", "a SUCCEEDED 1", ...: transitions only.
  std::vector<std::string> Transitions(const std::string& id);
  // The state of a step: "SUCCEEDED".
  std::string StateOf(const std::string& id, const std::string& step);

  // How often runners of this process were run for a step of any operation.
  int Runs(const std::string& step);
  // Steps in the order of their beginnings and ends: "a begins", "a ends".
  std::vector<std::string> Journal();
  // OnIdle calls so far: host and thread.
  std::vector<std::pair<std::string, std::thread::id>> Idles();

 private:
  struct FakeRunner;
  struct FakeScope;
  void Note(const std::string& line);

  std::string dsn_;
  std::unique_ptr<store::Database> database_;
  Registry registry_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
  std::vector<std::string> journal_;
  std::vector<std::pair<std::string, std::thread::id>> idles_;
  std::optional<store::Listener> listener_;
};

// A step that runs the runner of its own id, unless another is named.
Step MakeStep(const std::string& id, const std::string& host,
              const std::vector<std::string>& depends_on = {}, const std::string& runner = "");

std::string Name(v1::OperationState state);
std::string Name(v1::StepState state);
// The place of a line in the journal; fails the test when it is not there.
std::size_t At(const std::vector<std::string>& journal, const std::string& line);

}  // namespace dmgr::engine

#endif  // DMGR_TESTS_ENGINE_WORLD_H_
