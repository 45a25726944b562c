// fleet_steps DSN OPERATIONS HOSTS STEPS: runs so many operations of HOSTS x STEPS steps that do
// nothing, with the engine's own limits, on an empty database, and prints how many steps a second
// became durable.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>

#include "common/error.h"
#include "common/ids.h"
#include "common/steady_time.h"
#include "server/engine/engine.h"
#include "server/engine/plan.h"
#include "server/store/database.h"
#include "server/store/operation_store.h"

namespace dmgr {
namespace {

constexpr char kNothing[] = "bench.nothing";

class Nothing final : public engine::StepRunner {
 public:
  absl::StatusOr<engine::StepResult> Run(engine::StepContext&) override {
    return engine::StepResult();
  }
  absl::StatusOr<engine::StepResult> Undo(engine::StepContext&) override {
    return engine::StepResult();
  }
  absl::StatusOr<bool> IsDone(engine::StepContext&) override { return true; }
};

// Counts operations that have ended: a scope goes with its operation.
class Ended {
 public:
  void Await(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }
  std::unique_ptr<engine::Scope> NewScope() { return std::make_unique<CountedScope>(this); }

 private:
  class CountedScope final : public engine::Scope {
   public:
    explicit CountedScope(Ended* ended) : ended_(ended) {}
    ~CountedScope() override {
      const std::lock_guard lock(ended_->mutex_);
      ++ended_->count_;
      ended_->changed_.notify_all();
    }
    void OnIdle(const std::string&) override {}
    void OnRecorded() override {}

   private:
    Ended* const ended_;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

absl::Status Insert(store::Database* database, const std::string& cluster, int hosts, int steps) {
  engine::Plan plan;
  plan.kind = v1::OPERATION_KIND_RESTART;
  plan.cluster_name = cluster;
  plan.cluster_uuid = NewUuid();
  for (int host = 1; host <= hosts; ++host) {
    for (int number = 1; number <= steps; ++number) {
      engine::Step& step = plan.steps.emplace_back();
      step.host = fmt::format("h{}", host);
      step.id = fmt::format("{}/{}", step.host, number);
      step.title = "nothing";
      step.runner = kNothing;
      if (number > 1) step.depends_on = {fmt::format("{}/{}", step.host, number - 1)};
    }
  }
  RETURN_IF_ERROR(engine::Check(plan));
  const auto record = engine::ToRecord(plan, "admin", "", "");
  return database->Transact(
      [&](store::Transaction& tx) { return store::InsertOperation(tx, record, false); });
}

absl::Status Run(const std::string& dsn, int operations, int hosts, int steps) {
  // As many connections as dmgrd gives its engine.
  ASSIGN_OR_RETURN(const auto database, store::Database::Open({.dsn = dsn, .pool_size = 4}));
  RETURN_IF_ERROR(database->Migrate());
  for (int i = 1; i <= operations; ++i) {
    RETURN_IF_ERROR(Insert(database.get(), fmt::format("bench-{}", i), hosts, steps));
  }
  engine::Registry registry;
  registry.Add(kNothing, std::make_unique<Nothing>());
  Ended ended;
  engine::Engine engine(database.get(), dsn, &registry,
                        [&](const store::OperationRecord&) { return ended.NewScope(); }, {});
  const absl::Time begun = SteadyNow();
  engine.Start();
  ended.Await(operations);
  const double seconds = absl::ToDoubleSeconds(SteadyNow() - begun);
  std::cout << fmt::format("{:.0f}\n", operations * hosts * steps / seconds);
  return absl::OkStatus();
}

}  // namespace
}  // namespace dmgr

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: fleet_steps DSN OPERATIONS HOSTS STEPS\n";
    return 2;
  }
  spdlog::set_level(spdlog::level::err);
  const absl::Status ran =
      dmgr::Run(argv[1], std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]));
  if (!ran.ok()) std::cerr << "fleet_steps: " << dmgr::Message(ran) << "\n";
  return ran.ok() ? 0 : 1;
}
