#include "server/engine/execution.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <system_error>

#include "common/error.h"

namespace dmgr::engine {
namespace {

// How long a runner may stay beyond its deadline unreported.
constexpr std::chrono::seconds kOverstay(30);
// Between looks at what nobody announces.
constexpr std::chrono::seconds kLookPeriod(5);

}  // namespace

Execution::Execution(const Environment* environment, store::OperationRecord record,
                     Lease::Clock::time_point claimed_at)
    : environment_(environment),
      record_(std::move(record)),
      lease_(environment->database, {record_.operation.operation_id(), record_.epoch},
             environment->lease, claimed_at, [this] { Wake(); }),
      slots_(environment->slots, [this] { Wake(); }) {
  if (record_.operation.state() == v1::OPERATION_STATE_CANCELLING) lease_.RequestCancel();
}

void Execution::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

bool Execution::Undoing() const {
  return record_.operation.phase() == v1::OPERATION_PHASE_ROLLBACK;
}

void Execution::BuildGraph() {
  std::map<std::string, std::size_t> index;
  nodes_.resize(record_.steps.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].record = &record_.steps[i];
    if (Undoing()) nodes_[i].work = StepRun::Work::kUndo;
    index[record_.steps[i].step.step_id()] = i;
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (const std::string& id : nodes_[i].record->step.depends_on()) {
      const auto found = index.find(id);
      if (found == index.end()) {
        // One that does not exist never succeeds; and was not begun.
        if (!Undoing()) ++nodes_[i].waits_for;
        continue;
      }
      const std::size_t before = Undoing() ? i : found->second;
      const std::size_t after = Undoing() ? found->second : i;
      nodes_[before].dependants.push_back(after);
      ++nodes_[after].waits_for;
    }
  }
  for (Node& node : nodes_) SettleStored(node);
  const store::StepRecord* first_failed = nullptr;
  const auto end_time = [](const store::StepRecord& record) {
    return std::pair(record.step.end_time().seconds(), record.step.end_time().nanos());
  };
  for (const Node& node : nodes_) {
    if (node.state != Node::State::kFailed) continue;
    if (first_failed == nullptr || end_time(*node.record) < end_time(*first_failed)) {
      first_failed = node.record;
    }
  }
  if (first_failed != nullptr) {
    failure_ = Annotate(FromProto(first_failed->step.error()), first_failed->step.title());
  }
}

void Execution::SettleStored(Node& node) {
  const v1::OperationStep& step = node.record->step;
  if (step.state() == v1::STEP_STATE_FAILED) {
    node.state = Node::State::kFailed;
  } else if (Undoing()) {
    // One that failed, or was cut off, may have done a part of its work.
    const bool left = step.attempts() > 0 && step.state() != v1::STEP_STATE_UNDONE;
    if (!left) Settle(node, StepRun::End::kSucceeded);
  } else if (step.state() == v1::STEP_STATE_SUCCEEDED && record_.resumed) {
    node.work = StepRun::Work::kCheck;
  } else if (step.state() == v1::STEP_STATE_SUCCEEDED || step.state() == v1::STEP_STATE_SKIPPED) {
    Settle(node, StepRun::End::kSucceeded);
  }
}

void Execution::Settle(Node& node, StepRun::End end) {
  if (end == StepRun::End::kLeft || end == StepRun::End::kGone || end == StepRun::End::kWaits) {
    node.state = Node::State::kWaiting;
    if (end == StepRun::End::kGone) node.work = StepRun::Work::kRun;
  } else if (end == StepRun::End::kCancelled) {
    node.state = Node::State::kFailed;
  } else if (end == StepRun::End::kFailed) {
    node.state = Node::State::kFailed;
    if (absl::IsUnavailable(node.run->error())) lost_.insert(node.record->step.host());
    // Those of an earlier execution came before.
    if (failure_.ok() || node.run->failed_at() < failed_at_) {
      failure_ = Annotate(node.run->error(), node.record->step.title());
      failed_at_ = node.run->failed_at();
    }
    spdlog::error("operation {}: step {} failed: {}", operation_id(), node.record->step.step_id(),
                  Message(node.run->error()));
  } else {
    node.state = Node::State::kSucceeded;
    for (const std::size_t dependant : node.dependants) --nodes_[dependant].waits_for;
  }
}

std::unique_ptr<Scope> Execution::MakeScope() {
  try {
    return environment_->scope_factory(record_);
  } catch (const std::exception& e) {
    spdlog::error("operation {}: cannot begin: {}", operation_id(), e.what());
  }
  failure_ = Error(absl::StatusCode::kInternal, "SCOPE_FAILED", "the operation could not begin")
                 .Remedy("see the log of dmgrd and report this as a bug of dmgr");
  return nullptr;
}

void Execution::Run() {
  spdlog::info("operation {} ({} of {}) runs with epoch {}", operation_id(),
               v1::OperationKind_Name(record_.operation.kind()), record_.operation.cluster_name(),
               record_.epoch);
  if (environment_->fault_hook) environment_->fault_hook(Moment::kClaimed, "").IgnoreError();
  BuildGraph();
  {
    // Ends before the operation does: then nothing of it is on the hosts any more.
    const std::unique_ptr<Scope> scope = MakeScope();
    if (scope != nullptr) RunSteps(scope.get());
  }
  const bool left =
      std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& node) { return IsReady(node); });
  if (!lease_.Held()) {
    spdlog::warn("operation {}: let go, since its claim is lost", operation_id());
  } else if (left && lease_.Stopping() && !lease_.CancelRequested()) {
    spdlog::info("operation {}: given back, to be gone on with later", operation_id());
    lease_.EndRenewal();
    lease_.Release();
  } else {
    Finish();
  }
}

void Execution::RunSteps(Scope* scope) {
  while (true) {
    Collect();
    const bool ready = Dispatch(scope);
    if (running_ == 0 && !ready) break;
    ReportOverdue();
    Wait();
  }
  slots_.Leave();
  workers_.clear();
}

void Execution::Collect() {
  std::vector<Ended> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (const Ended& one : ended) {
    Node& node = nodes_[one.index];
    Settle(node, one.end);
    node.run.reset();
    if (!one.is_last) continue;
    node.worker->busy = false;
    --running_;
    slots_.Give();
  }
}

bool Execution::IsReady(const Node& node) const {
  const std::string& host = node.record->step.host();
  if (!host.empty() && lost_.count(host) != 0) return false;
  // A check waits for nothing.
  return node.state == Node::State::kWaiting &&
         (node.waits_for == 0 || node.work == StepRun::Work::kCheck);
}

bool Execution::Dispatch(Scope* scope) {
  bool ready = false;
  for (std::size_t i = 0; i < nodes_.size() && lease_.MayBegin(); ++i) {
    if (!IsReady(nodes_[i])) continue;
    ready = true;
    Worker* worker = FreeWorker(nodes_[i].record->step.host(), scope);
    if (worker == nullptr) continue;
    // Wakes this thread when there is a slot.
    if (!slots_.Take()) return true;
    Begin(i, worker, scope);
  }
  slots_.Leave();
  return ready;
}

Execution::Worker* Execution::FreeWorker(const std::string& host, Scope* scope) {
  const auto [begin, end] = workers_.equal_range(host);
  for (auto it = begin; it != end; ++it) {
    if (!it->second.busy) return &it->second;
  }
  if (!host.empty() && begin != end) return nullptr;
  const auto on_idle = [this, scope, host] {
    try {
      scope->OnIdle(host);
    } catch (const std::exception& e) {
      spdlog::error("operation {}, host {}: {}", operation_id(), host, e.what());
    }
  };
  try {
    auto lane = std::make_unique<Lane>(host.empty() ? std::function<void()>() : on_idle);
    return &workers_.emplace(host, Worker{std::move(lane)})->second;
  } catch (const std::system_error& e) {
    spdlog::error("operation {}: no thread for a step, waiting: {}", operation_id(), e.what());
    return nullptr;
  }
}

void Execution::Begin(std::size_t index, Worker* worker, Scope* scope) {
  std::vector<std::pair<std::size_t, StepRun*>> chain;
  for (const std::size_t one : Chain(index)) {
    Node& node = nodes_[one];
    node.state = Node::State::kRunning;
    node.worker = worker;
    node.run =
        std::make_unique<StepRun>(environment_, &record_, node.record, node.work, scope, &lease_);
    chain.emplace_back(one, node.run.get());
  }
  worker->busy = true;
  ++running_;
  worker->lane->Run([this, chain = std::move(chain)] { RunChain(chain); });
}

std::vector<std::size_t> Execution::Chain(std::size_t index) const {
  std::vector<std::size_t> chain = {index};
  const StepRun::Work work = nodes_[index].work;
  const std::string& host = nodes_[index].record->step.host();
  if (host.empty() || work == StepRun::Work::kCheck) return chain;
  std::map<std::size_t, std::size_t> waits_for;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    for (const std::size_t dependant : nodes_[chain[i]].dependants) {
      const Node& node = nodes_[dependant];
      const std::size_t left = --waits_for.try_emplace(dependant, node.waits_for).first->second;
      if (left == 0 && node.record->step.host() == host && node.work == work &&
          node.state == Node::State::kWaiting) {
        chain.push_back(dependant);
      }
    }
  }
  return chain;
}

void Execution::RunChain(const std::vector<std::pair<std::size_t, StepRun*>>& chain) {
  bool goes_on = true;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const auto& [index, run] = chain[i];
    StepRun* next = i + 1 < chain.size() ? chain[i + 1].second : nullptr;
    const StepRun::End end = goes_on ? run->Run(next) : StepRun::End::kWaits;
    goes_on = goes_on && next != nullptr && next->IsBegun();
    {
      const std::lock_guard lock(mutex_);
      ended_.push_back({index, end, next == nullptr});
    }
    changed_.notify_one();
  }
}

void Execution::ReportOverdue() {
  const auto now = Lease::Clock::now();
  for (Node& node : nodes_) {
    if (node.state != Node::State::kRunning) continue;
    const auto limit = node.run->MustHaveEnded();
    if (limit == node.reported || now - kOverstay < limit) continue;
    node.reported = limit;
    spdlog::error("operation {}: step {} ({}) has not ended {} s after its deadline",
                  operation_id(), node.record->step.step_id(), node.record->runner,
                  kOverstay.count());
  }
}

void Execution::Wait() {
  auto until = Lease::Clock::now() + kLookPeriod;
  if (lease_.Held()) until = std::min(until, lease_.HeldUntil());
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [&] { return woken_ || !ended_.empty(); });
  woken_ = false;
}

void Execution::Finish() {
  lease_.EndRenewal();
  v1::OperationState state = v1::OPERATION_STATE_FAILED;
  if (std::all_of(nodes_.begin(), nodes_.end(),
                  [](const Node& node) { return node.state == Node::State::kSucceeded; })) {
    state = Undoing() ? v1::OPERATION_STATE_ROLLED_BACK : v1::OPERATION_STATE_SUCCEEDED;
  } else if (lease_.CancelRequested()) {
    state = v1::OPERATION_STATE_CANCELLED;
  } else if (failure_.ok()) {
    failure_ = Error(absl::StatusCode::kInternal, "PLAN_INVALID",
                     "the steps that are left depend on steps that there are not")
                   .Remedy("report this as a bug of dmgr");
  }
  const bool failed = state == v1::OPERATION_STATE_FAILED;
  const v1::StepState rest = failed ? v1::STEP_STATE_SKIPPED : v1::STEP_STATE_CANCELLED;
  const absl::Status status = lease_.Write([&](store::Transaction& tx, bool) -> absl::Status {
    for (const Node& node : nodes_) {
      // What was not checked any more is left as it is.
      if (node.state != Node::State::kWaiting || node.work == StepRun::Work::kCheck) continue;
      RETURN_IF_ERROR(store::SetStepState(tx, lease_.claim(),
                                          {.step_id = node.record->step.step_id(), .state = rest})
                          .status());
    }
    return store::SetOperationState(tx, lease_.claim(), state,
                                    failed ? failure_ : absl::OkStatus());
  });
  if (status.ok()) {
    spdlog::info("operation {}: {}", operation_id(), v1::OperationState_Name(state));
  } else {
    spdlog::error("operation {}: its end ({}) is not recorded by this dmgrd: {}", operation_id(),
                  v1::OperationState_Name(state), Message(status));
  }
}

}  // namespace dmgr::engine
