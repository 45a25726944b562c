// The last steps of a destroy.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/error.h"
#include "dmgr/plan/v1/removal.pb.h"
#include "server/clusters/leftovers.h"
#include "server/clusters/workspace.h"
#include "server/engine/runner.h"
#include "server/operations/destroy/destroy.h"
#include "server/operations/destroy/plan.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/leftover_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

class Remove : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::Duration Deadline() const override { return absl::Minutes(10); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    RETURN_IF_ERROR(RemoveFromHost(resources(), context));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto units,
                     UnitStates(context, record.cluster.OnMachine(Machine(context))));
    return std::none_of(units.begin(), units.end(), [](const auto& unit) { return unit.loaded(); });
  }
};

// What stays on machines that could not be reached. On those that were never surveyed there is
// nothing.
absl::StatusOr<std::vector<store::LeftoverRecord>> LeftBehind(const Resources& resources,
                                                              StepContext& context,
                                                              const store::ClusterRecord& record) {
  ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::EraseParams>(context));
  std::vector<store::LeftoverRecord> leftovers;
  for (const auto& machine : params.lost_machines()) {
    auto leftover = clusters::LeftoverOf(resources, record, record.cluster, machine,
                                         context.operation().operation.operation_id());
    if (absl::IsNotFound(leftover.status())) continue;
    RETURN_IF_ERROR(leftover.status());
    context.Log(v1::LogLine::LEVEL_WARNING,
                fmt::format("machine {} could not be reached: what is on it stays, and is "
                            "remembered until the machine is cleaned: {}",
                            machine, clusters::WordsOf(*leftover)));
    leftovers.push_back(*std::move(leftover));
  }
  return leftovers;
}

class Erase : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(auto leftovers, LeftBehind(resources(), context, record));
    RETURN_IF_ERROR(clusters::RemoveClusterDir(
        ClusterDir(record.cluster.cluster_path, record.cluster.name), record.cluster.uuid));
    StepResult result;
    result.commit = [name = record.cluster.name, uuid = record.cluster.uuid,
                     leftovers = std::move(leftovers)](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const auto hosts, store::ListHostRecords(tx, name));
      for (const auto& host : hosts) {
        const bool lost = std::any_of(leftovers.begin(), leftovers.end(), [&](const auto& one) {
          return one.machine_id == host.machine_id;
        });
        // What was left there before has gone with the cluster.
        if (!lost) RETURN_IF_ERROR(store::DeleteLeftovers(tx, host.machine_id, uuid));
      }
      for (const auto& leftover : leftovers) RETURN_IF_ERROR(store::InsertLeftover(tx, leftover));
      return store::DeleteCluster(tx, name);
    };
    return result;
  }
};

}  // namespace

void RegisterDestroyRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kRemove, std::make_unique<Remove>(resources));
  registry->Add(kErase, std::make_unique<Erase>(resources));
}

}  // namespace dmgr::operations
