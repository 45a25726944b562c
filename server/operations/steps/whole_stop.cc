#include "server/operations/steps/whole_stop.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "absl/status/statusor.h"
#include "common/error.h"
#include "common/steady_time.h"
#include "server/operations/plan/units.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/turn.h"
#include "server/operations/steps/units.h"
#include "server/operations/steps/units_runner.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Component;
using topology::Instance;

// Time for one call; a dm-master that does not answer does not lead for long.
constexpr absl::Duration kEvictTimeout = absl::Seconds(2);
// Time from when all were told to stop. A dm-master that has a majority ends within 2 s.
constexpr absl::Duration kMasterPatience = absl::Seconds(4);

// Has no dm-master run for the leadership: one that is killed while it leads leaves a key by which
// it leads after the next start, until its lease of 60 s ends.
class EvictMasters : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(context.CheckClaim());
    for (const auto* master : record.cluster.Of(Component::kDmMaster)) {
      const absl::Status evicted = MembersBy(context).EvictLeader(
          *master, SteadyNow() + kEvictTimeout, [&] { return context.Cancelled(); });
      // One that does not run does not lead.
      if (evicted.ok() || absl::IsUnavailable(evicted)) continue;
      context.Log(v1::LogLine::LEVEL_INFO,
                  fmt::format("dm-master {} was not evicted: {}", master->name, Message(evicted)));
    }
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    for (const auto* master : record.cluster.Of(Component::kDmMaster)) AllowLead(context, *master);
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

// Tells dm-masters and monitoring to stop. Undone by starting those that ran: also those that the
// step did not come to, or that others have ended since.
class TellStop : public ServiceRunner {
 public:
  using ServiceRunner::ServiceRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    RETURN_IF_ERROR(TellInstancesToStop(context, instances));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto instances, InstancesOf(record.cluster, context));
    ASSIGN_OR_RETURN(instances, ThatWere(true, instances, context));
    if (instances.empty()) return StepResult{};
    // One that goes on was evicted, and is not restarted.
    for (const auto* instance : instances) {
      if (instance->component == Component::kDmMaster) AllowLead(context, *instance);
    }
    RETURN_IF_ERROR(StartInstances(context, record.cluster, instances));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

// Waits until they have ended. By the plan all were told before: the last dm-master is waited for
// in vain.
class End : public ServiceRunner {
 public:
  // before_start: what comes after it starts them again.
  End(const Resources* resources, bool before_start)
      : ServiceRunner(resources), before_start_(before_start) {}

  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    RETURN_IF_ERROR(EndWhole(context, instances));
    return before_start_ ? StepResult{} : WantRunning(context, instances, false);
  }
  // The step that told them starts them.
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    return WantAsBefore(context, instances);
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    return before_start_ ? true : AllAre(false, context);
  }

 private:
  const bool before_start_;
};

}  // namespace

absl::Status EndWhole(StepContext& context, const Instances& instances) {
  Instances masters;
  Instances others;
  std::partition_copy(instances.begin(), instances.end(), std::back_inserter(masters),
                      std::back_inserter(others),
                      [](const Instance* i) { return i->component == Component::kDmMaster; });
  if (!masters.empty()) RETURN_IF_ERROR(EndInstances(context, masters, kMasterPatience));
  return others.empty() ? absl::OkStatus() : StopInstances(context, others);
}

void RegisterWholeStopRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kEvictMasters, std::make_unique<EvictMasters>(resources));
  registry->Add(kTellStop, std::make_unique<TellStop>(resources));
  registry->Add(kEnd, std::make_unique<End>(resources, false));
  registry->Add(kEndToStart, std::make_unique<End>(resources, true));
}

}  // namespace dmgr::operations
