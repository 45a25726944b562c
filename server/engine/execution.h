// One claimed operation: decides which steps are ready, and runs them to the operation's end.
#ifndef DMGR_SERVER_ENGINE_EXECUTION_H_
#define DMGR_SERVER_ENGINE_EXECUTION_H_

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/engine/environment.h"
#include "server/engine/lane.h"
#include "server/engine/lease.h"
#include "server/engine/runner.h"
#include "server/engine/slots.h"
#include "server/engine/step_run.h"
#include "server/store/operation_store.h"

namespace dmgr::engine {

class Execution {
 public:
  // claimed_at: from before the claim was asked for.
  Execution(const Environment* environment, store::OperationRecord record,
            Lease::Clock::time_point claimed_at);

  const std::string& operation_id() const { return record_.operation.operation_id(); }
  // Stop, Abort and Look may be called while Run runs.
  Lease& lease() { return lease_; }
  // Returns when the operation has ended, or was let go: the claim is lost, or the lease stopped.
  void Run();

 private:
  // A step's thread.
  struct Worker {
    std::unique_ptr<Lane> lane;
    bool busy = false;
  };
  // A step and where it stands.
  struct Node {
    enum class State { kWaiting, kRunning, kSucceeded, kFailed };
    const store::StepRecord* record = nullptr;
    State state = State::kWaiting;
    StepRun::Work work = StepRun::Work::kRun;
    std::vector<std::size_t> dependants;
    // Those that must succeed before it and have not yet: its dependencies or, when steps are
    // undone, its dependants.
    std::size_t waits_for = 0;
    Worker* worker = nullptr;
    std::unique_ptr<StepRun> run;
    // Of the attempt whose staying was reported.
    Lease::Clock::time_point reported = Lease::Clock::time_point::max();
  };

  struct Ended {
    std::size_t index = 0;
    StepRun::End end = StepRun::End::kLeft;
    // Its worker has nothing more to do.
    bool is_last = false;
  };

  bool Undoing() const;
  void BuildGraph();
  // What the steps' states say at the beginning.
  void SettleStored(Node& node);
  std::unique_ptr<Scope> MakeScope();
  // Runs steps until none runs and none can begin.
  void RunSteps(Scope* scope);
  // Takes in the steps that have ended.
  void Collect();
  // Begins what may begin; false when there is nothing.
  bool Dispatch(Scope* scope);
  void Begin(std::size_t index, Worker* worker, Scope* scope);
  // The step, and those of its host that can follow it whatever happens on other hosts.
  std::vector<std::size_t> Chain(std::size_t index) const;
  // On the worker's thread.
  void RunChain(const std::vector<std::pair<std::size_t, StepRun*>>& chain);
  // nullptr when the host is busy, or no thread can be had now.
  Worker* FreeWorker(const std::string& host, Scope* scope);
  void Settle(Node& node, StepRun::End end);
  void ReportOverdue();
  void Wait();
  bool IsReady(const Node& node) const;
  // Records how the operation ended.
  void Finish();
  void Wake();

  const Environment* environment_;
  const store::OperationRecord record_;

  // Of the thread that runs the operation.
  std::vector<Node> nodes_;
  int running_ = 0;
  // Hosts that could not be reached after all attempts: nothing more is begun there.
  std::set<std::string> lost_;
  absl::Status failure_;  // Of the first step that failed, and when.
  Lease::Clock::time_point failed_at_ = Lease::Clock::time_point::min();

  std::mutex mutex_;  // Guards the next three.
  std::condition_variable changed_;
  std::vector<Ended> ended_;
  bool woken_ = false;

  Lease lease_;
  Slots::Client slots_;
  // Each host's one; under "" those of the steps without a host, which run side by side.
  std::multimap<std::string, Worker> workers_;
};

}  // namespace dmgr::engine

#endif  // DMGR_SERVER_ENGINE_EXECUTION_H_
