// What the operations room gives the engine: code for each kind of step.
#ifndef DMGR_SERVER_ENGINE_RUNNER_H_
#define DMGR_SERVER_ENGINE_RUNNER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/operation_store.h"

namespace dmgr::engine {

// What the steps of one claimed operation share: host sessions, mostly. Made after the claim, ended
// (on the thread that ran the operation, after its last step) when the operation ends or the claim
// is lost. Used by several threads at once, but for one host by one thread only.
class Scope {
 public:
  virtual ~Scope() = default;
  // Called about every 5 s on the thread of a host whose next step is not ready yet.
  virtual void OnIdle(const std::string& host) = 0;
  // Called after a step's changes of recorded state were committed, on the step's thread.
  virtual void OnRecorded() = 0;
};

// A step under way. Its methods may be called from the step's thread only.
class StepContext {
 public:
  virtual ~StepContext() = default;
  // As it was claimed.
  virtual const store::OperationRecord& operation() const = 0;
  virtual const store::StepRecord& step() const = 0;
  virtual store::Claim claim() const = 0;
  virtual Scope& scope() = 0;
  // What another step of the operation recorded when it succeeded (JSON), as it is now in the
  // database; "{}" of one that has not. INTERNAL with reason STEP_MISSING when the operation has no
  // such step.
  virtual absl::StatusOr<std::string> ResultOf(const std::string& step_id) = 0;
  // When the step must have ended.
  virtual absl::Time deadline() const = 0;
  // The step must end at once: the claim is lost, the daemon stops, or the operation was cancelled
  // some time ago. What it returns then, CANCELLED at best, is recorded only when it is a success
  // or the operation was cancelled. Cheap; poll it.
  virtual bool Cancelled() const = 0;
  // Asks the database whether the claim still holds. For right before an effect that the far end's
  // fence does not guard (calls to DM).
  virtual absl::Status CheckClaim() = 0;
  // Stored and sent at most once a second.
  virtual void Progress(std::uint64_t bytes_done, std::uint64_t bytes_total) = 0;
  // Cut to 8 KiB.
  virtual void Log(v1::LogLine::Level level, const std::string& text) = 0;
};

struct StepResult {
  // What the step found or made, for later steps, undo and people. JSON.
  std::string result_json = "{}";
  // Changes of recorded state that the step made true; run in the transaction that marks the step
  // SUCCEEDED. May be run more than once (see Database::Transact): UNAVAILABLE is tried again until
  // the claim is lost; every other error undoes it and fails the step.
  std::function<absl::Status(store::Transaction&)> commit;
};

// Code for one kind of step. Shared by all operations: keeps no state.
class StepRunner {
 public:
  virtual ~StepRunner() = default;
  // UNAVAILABLE is tried again (EngineOptions::attempts in all, with backoff); every other error
  // fails the step.
  virtual absl::StatusOr<StepResult> Run(StepContext& context) = 0;
  // Takes back what Run did, or did a part of: by what was recorded before it, never by a second
  // look. Must be idempotent; errors are those of Run. Never called once a step with
  // point_of_no_return was begun. commit runs in the transaction that marks the step UNDONE.
  virtual absl::StatusOr<StepResult> Undo(StepContext& context) = 0;
  // Whether what Run did when it succeeded is still so; asked before a resumed operation relies on
  // it. Must be cheap, and changes nothing.
  virtual absl::StatusOr<bool> IsDone(StepContext& context) = 0;
  // For one attempt of any of the three.
  virtual absl::Duration Deadline() const { return absl::Minutes(2); }
};

class Registry {
 public:
  void Add(const std::string& name, std::unique_ptr<StepRunner> runner) {
    runners_[name] = std::move(runner);
  }
  // nullptr when unknown.
  StepRunner* Find(const std::string& name) const {
    auto it = runners_.find(name);
    return it == runners_.end() ? nullptr : it->second.get();
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& [name, runner] : runners_) names.push_back(name);
    return names;
  }

 private:
  std::map<std::string, std::unique_ptr<StepRunner>> runners_;
};

using ScopeFactory = std::function<std::unique_ptr<Scope>(const store::OperationRecord& operation)>;

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_RUNNER_H_
