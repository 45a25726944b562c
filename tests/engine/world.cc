#include "tests/engine/world.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "common/ids.h"
#include "server/engine/event_feed.h"

namespace dmgr::engine {

bool Stage::Pass(const StepContext& context) {
  std::unique_lock lock(mutex_);
  ++arrived_;
  changed_.notify_all();
  // Cancelled() is made for polling.
  while (!open_) {
    if (context.Cancelled()) return false;
    changed_.wait_for(lock, std::chrono::milliseconds(10));
  }
  return true;
}

void Stage::Open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
  changed_.notify_all();
}

void Stage::AwaitArrivals(int count) {
  std::unique_lock lock(mutex_);
  REQUIRE(changed_.wait_for(lock, kPatience, [&] { return arrived_ >= count; }));
}

bool Stage::Meet(int count) {
  std::unique_lock lock(mutex_);
  ++arrived_;
  changed_.notify_all();
  return changed_.wait_for(lock, kPatience, [&] { return arrived_ >= count; });
}

struct World::FakeRunner : StepRunner {
  FakeRunner(World* w, Code c, Code u, Look l)
      : world(w), code(std::move(c)), undo(std::move(u)), look(std::move(l)) {}
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    const std::string id = context.step().step.step_id();
    world->Note(id + " begins");
    auto result = code(context);
    world->Note(id + " ends");
    return result;
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    const std::string id = context.step().step.step_id();
    world->Note(id + " undo begins");
    auto result = undo ? undo(context) : StepResult();
    world->Note(id + " undo ends");
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    world->Note(context.step().step.step_id() + " looked at");
    return look ? look(context) : true;
  }
  World* world;
  Code code;
  Code undo;
  Look look;
};

struct World::FakeScope : Scope {
  explicit FakeScope(World* w) : world(w) {}
  ~FakeScope() override { world->Note("scope ends"); }
  void OnIdle(const std::string& host) override {
    const std::lock_guard lock(world->mutex_);
    world->idles_.emplace_back(host, std::this_thread::get_id());
    ++world->changes_;
    world->changed_.notify_all();
  }
  void OnRecorded() override {}
  World* world;
};

World::World(const std::string& dsn) : dsn_(dsn) {
  spdlog::set_level(spdlog::level::critical);
  auto opened = store::Database::Open({.dsn = dsn});
  REQUIRE_OK(opened.status());
  database_ = std::move(*opened);
  REQUIRE_OK(database_->Migrate());
  On("ok", [](StepContext&) { return StepResult(); });
  listener_.emplace(dsn, store::kEventChannel, absl::Milliseconds(500), [this](const std::string&) {
    const std::lock_guard lock(mutex_);
    ++changes_;
    changed_.notify_all();
  });
}

void World::Note(const std::string& line) {
  const std::lock_guard lock(mutex_);
  journal_.push_back(line);
  ++changes_;
  changed_.notify_all();
}

void World::On(const std::string& runner, Code code, Code undo, Look look) {
  registry_.Add(runner, std::make_unique<FakeRunner>(this, std::move(code), std::move(undo),
                                                     std::move(look)));
}

std::string World::Insert(const std::vector<Step>& steps, const std::string& cluster) {
  Plan plan;
  plan.kind = v1::OPERATION_KIND_DEPLOY;
  plan.cluster_name = cluster;
  plan.cluster_uuid = NewUuid();
  plan.steps = steps;
  for (Step& step : plan.steps) {
    if (step.runner.empty()) step.runner = registry_.Find(step.id) == nullptr ? "ok" : step.id;
  }
  REQUIRE_OK(Check(plan));
  const store::OperationRecord record = ToRecord(plan, "alice", "", "f");
  REQUIRE_OK(db().Transact(
      [&](store::Transaction& tx) { return store::InsertOperation(tx, record, false); }));
  return record.operation.operation_id();
}

std::unique_ptr<Engine> World::NewEngine(EngineOptions options) {
  auto engine = std::make_unique<Engine>(
      database_.get(), dsn_, &registry_,
      [this](const store::OperationRecord&) { return std::make_unique<FakeScope>(this); }, options);
  engine->Start();
  return engine;
}

void World::Cancel(const std::string& id) {
  REQUIRE_OK(db().Transact([&](store::Transaction& tx) { return store::RequestCancel(tx, id); }));
}

void World::Resume(const std::string& id) {
  REQUIRE_OK(db().Transact([&](store::Transaction& tx) { return store::RequestResume(tx, id); }));
}

void World::Rollback(const std::string& id) {
  REQUIRE_OK(db().Transact([&](store::Transaction& tx) { return store::RequestRollback(tx, id); }));
}

void World::Until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::unique_lock lock(mutex_);
  while (true) {
    const std::uint64_t seen = changes_;
    lock.unlock();
    if (condition()) return;
    lock.lock();
    REQUIRE(changed_.wait_until(lock, deadline, [&] { return changes_ != seen; }));
    REQUIRE(std::chrono::steady_clock::now() < deadline);
  }
}

store::OperationRecord World::Get(const std::string& id) {
  store::OperationRecord record;
  REQUIRE_OK(db().Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::GetOperation(tx, id));
    return absl::OkStatus();
  }));
  return record;
}

store::OperationRecord World::AwaitEnd(const std::string& id) {
  Until([&] { return IsEnded(Get(id).operation.state()); });
  return Get(id);
}

std::vector<v1::OperationEvent> World::Events(const std::string& id) {
  std::vector<v1::OperationEvent> events;
  REQUIRE_OK(db().Transact([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(events, store::ListEvents(tx, id, 0, 100000));
    return absl::OkStatus();
  }));
  for (std::size_t i = 0; i < events.size(); ++i) REQUIRE(events[i].sequence() == i + 1);
  return events;
}

std::vector<std::string> World::Transitions(const std::string& id) {
  std::vector<std::string> lines;
  for (const v1::OperationEvent& event : Events(id)) {
    if (event.has_operation_state()) lines.push_back(Name(event.operation_state().state()));
    if (event.has_step_state()) {
      const auto& changed = event.step_state();
      lines.push_back(
          fmt::format("{} {} {}", changed.step_id(), Name(changed.state()), changed.attempt()));
    }
  }
  return lines;
}

std::string World::StateOf(const std::string& id, const std::string& step) {
  for (const store::StepRecord& record : Get(id).steps) {
    if (record.step.step_id() == step) return Name(record.step.state());
  }
  FAIL("no step " << step);
  return "";
}

int World::Runs(const std::string& step) {
  const auto journal = Journal();
  return static_cast<int>(std::count(journal.begin(), journal.end(), step + " begins"));
}

std::vector<std::string> World::Journal() {
  const std::lock_guard lock(mutex_);
  return journal_;
}

std::vector<std::pair<std::string, std::thread::id>> World::Idles() {
  const std::lock_guard lock(mutex_);
  return idles_;
}

Step MakeStep(const std::string& id, const std::string& host,
              const std::vector<std::string>& depends_on, const std::string& runner) {
  Step step;
  step.id = id;
  step.title = "do " + id;
  step.host = host;
  step.runner = runner;
  step.depends_on = depends_on;
  return step;
}

std::string Name(v1::OperationState state) {
  return v1::OperationState_Name(state).substr(std::string("OPERATION_STATE_").size());
}

std::string Name(v1::StepState state) {
  return v1::StepState_Name(state).substr(std::string("STEP_STATE_").size());
}

std::size_t At(const std::vector<std::string>& journal, const std::string& line) {
  const auto found = std::find(journal.begin(), journal.end(), line);
  INFO(line);
  REQUIRE(found != journal.end());
  return static_cast<std::size_t>(found - journal.begin());
}

}  // namespace dmgr::engine
