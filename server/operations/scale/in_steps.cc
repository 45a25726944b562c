// The steps of a scale-in.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "common/error.h"
#include "server/clusters/host_before.h"
#include "server/clusters/leftovers.h"
#include "server/clusters/record.h"
#include "server/engine/runner.h"
#include "server/migrations/subtasks.h"
#include "server/operations/plan/turns.h"
#include "server/operations/scale/membership.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/steps.h"
#include "server/operations/steps/hand_over.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units.h"
#include "server/resources/resources.h"
#include "server/store/borrowed_store.h"
#include "server/store/cluster_store.h"
#include "server/store/leftover_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Component;

// What of tasks was alive on a dm-worker before anything moved. An operation of an older dmgrd has
// not recorded that.
absl::StatusOr<migrations::SeenSubtasks> AliveBefore(StepContext& context,
                                                     const std::string& worker) {
  migrations::SeenSubtasks before;
  const auto seen = ResultOf<pv1::MembersSeen>(context, kMembersStep);
  if (Reason(seen.status()) == "STEP_MISSING") return before;
  RETURN_IF_ERROR(seen.status());
  if (!seen->has_value()) return before;
  std::ranges::copy_if((*seen)->subtasks(), std::back_inserter(before),
                       [&](const auto& one) { return one.worker() == worker; });
  return before;
}

// Moves sources away. Any dm-worker is as good for one. That a task loads is no fault that force
// is for.
class Vacate : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    pv1::TurnResult paused;
    for (const auto* worker : input.Concerned()) {
      ASSIGN_OR_RETURN(const auto before, AliveBefore(context, worker->name));
      const absl::Status vacated =
          VacateWorker(context, input.record.cluster, *worker,
                       {.leaving = input.AllNames(),
                        .accepts_load_restart = input.params.accepts_load_restart(),
                        .before = before,
                        .paused = &paused});
      if (vacated.ok()) continue;
      if (!input.params.force() || Reason(vacated) == "TASK_IS_LOADING") return vacated;
      context.Log(v1::LogLine::LEVEL_WARNING, std::string(Message(vacated)));
    }
    if (paused.paused().empty()) return StepResult{};
    return StepResult{.result_json = StepJson(paused), .commit = nullptr};
  }
};

// Asks again what the call has asked: dm-masters may have died since.
class AskQuorum : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, LoadScale(resources(), context));
    RETURN_IF_ERROR(
        CheckQuorum(context, input.record.cluster, input.LeavingMasters(), input.params.force()));
    return StepResult{};
  }
};

absl::Status LetGo(StepContext& context, const ScaleInput& input) {
  const topology::Cluster& cluster = input.record.cluster;
  for (const auto* instance : input.Concerned()) {
    if (instance->component == Component::kDmMaster) {
      RETURN_IF_ERROR(CheckQuorum(context, cluster, input.LeavingMasters(), input.params.force()));
      RETURN_IF_ERROR(LeaveMaster(context, cluster, *instance));
    } else {
      RETURN_IF_ERROR(LetWorkerGo(context, cluster, instance->name));
    }
  }
  return absl::OkStatus();
}

class Leave : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::Duration Deadline() const override { return kMembershipDeadline; }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    RETURN_IF_ERROR(LetGo(context, input));
    // A removed dm-master that goes on looks healthy and is not. It has nothing to hand over, and
    // would look for the majority that it is no part of.
    RETURN_IF_ERROR(EndInstances(context, input.Concerned(), absl::ZeroDuration()));
    return StepResult{};
  }
};

// Takes an instance out of DM whose host cannot be reached.
class LetGoOnly : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::Duration Deadline() const override { return kMembershipDeadline; }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    RETURN_IF_ERROR(LetGo(context, input));
    return StepResult{};
  }
};

// Adds to a commit the record of the host as those that stay need it.
void ReduceRecord(const Resources& resources, const store::ClusterRecord& record,
                  const std::vector<std::string>& leaving, const std::string& machine,
                  StepResult* result) {
  const auto before = clusters::LoadBefore(resources, record.cluster.name, machine);
  if (!before.ok()) return;
  const topology::Cluster rest = topology::Without(record.cluster, leaving);
  const std::string reduced =
      rest.OnMachine(machine).empty() ? "" : ToJson(clusters::Reduce(*before, rest, machine));
  result->commit = [first = result->commit, cluster = record.cluster.name, machine,
                    reduced](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(first(tx));
    return reduced.empty() ? store::DeleteHostRecord(tx, cluster, machine)
                           : store::PutHostRecord(tx, cluster, {machine, reduced});
  };
}

void AddToCommit(std::function<absl::Status(store::Transaction&)> work, StepResult* result) {
  result->commit = [first = result->commit,
                    work = std::move(work)](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(first(tx));
    return work(tx);
  };
}

class RemoveSome : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::Duration Deadline() const override { return absl::Minutes(10); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    const topology::Cluster leaving = topology::Only(input.record.cluster, input.Names());
    if (leaving.instances.empty()) return StepResult{};
    std::vector<const topology::Instance*> stopping = input.Concerned();
    // Those may be another cluster's by now, and are seen to where they are removed.
    std::erase_if(stopping, [](const auto* i) { return topology::IsExporter(i->component); });
    RETURN_IF_ERROR(StopInstances(context, stopping));
    RETURN_IF_ERROR(RemoveFromHost(resources(), context, input.record, leaving));
    StepResult result = Drop(resources(), input.record.cluster.name, input.Names());
    const std::string& machine = Machine(context);
    ReduceRecord(resources(), input.record, input.Names(), machine, &result);
    const bool leaves =
        topology::Without(input.record.cluster, input.Names()).OnMachine(machine).empty();
    if (!leaves) return result;
    // What was left there before has gone with the cluster.
    AddToCommit([machine, uuid = input.record.cluster.uuid](
                    store::Transaction& tx) { return store::DeleteLeftovers(tx, machine, uuid); },
                &result);
    return result;
  }
};

class Forget : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    StepResult result;
    const topology::Cluster lost = topology::Only(input.record.cluster, input.Names());
    result.commit = [this, lost, drop = Drop(resources(), lost.name, input.Names()).commit](
                        store::Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(BequeathExporters(resources(), tx, lost));
      return drop(tx);
    };
    for (const auto& machine : lost.MachineIds()) {
      auto leftover = clusters::LeftoverOf(resources(), input.record, lost, machine,
                                           context.operation().operation.operation_id());
      ReduceRecord(resources(), input.record, input.Names(), machine, &result);
      if (absl::IsNotFound(leftover.status())) continue;
      RETURN_IF_ERROR(leftover.status());
      context.Log(v1::LogLine::LEVEL_WARNING,
                  fmt::format("machine {} cannot be reached: what is on it stays, and is "
                              "remembered until the machine is cleaned: {}",
                              machine, clusters::WordsOf(*leftover)));
      AddToCommit([leftover = *std::move(leftover)](
                      store::Transaction& tx) { return store::InsertLeftover(tx, leftover); },
                  &result);
    }
    return result;
  }
};

// What it shares on machines on which nothing of it is left, and "monitored" with the last
// exporter.
absl::Status DropMonitored(store::Transaction& tx, store::ClusterRecord* record) {
  const std::vector<std::string> machines = record->cluster.MachineIds();
  std::vector<std::string> gone;
  bool serves = false;
  for (const auto& one : record->cluster.borrowed) {
    const bool stays =
        std::find(machines.begin(), machines.end(), one.machine_id) != machines.end();
    serves = serves || stays;
    if (!stays) gone.push_back(one.name);
  }
  for (const auto& one : record->cluster.instances) {
    serves = serves || topology::IsExporter(one.component);
  }
  if (!serves) record->topology.clear_monitored();
  return store::DeleteBorrowed(tx, record->cluster.name, gone);
}

}  // namespace

std::vector<const topology::Instance*> ScaleInput::Concerned() const {
  std::vector<const topology::Instance*> concerned;
  for (const auto& instance : record.cluster.instances) {
    const auto& names = params.instances();
    if (std::find(names.begin(), names.end(), instance.name) != names.end()) {
      concerned.push_back(&instance);
    }
  }
  return concerned;
}

std::vector<std::string> ScaleInput::Names() const {
  return {params.instances().begin(), params.instances().end()};
}

std::vector<std::string> ScaleInput::AllNames() const {
  return {params.all().begin(), params.all().end()};
}

std::vector<const topology::Instance*> ScaleInput::LeavingMasters() const {
  std::vector<const topology::Instance*> masters;
  for (const auto& name : params.all()) {
    for (const auto* instance : record.cluster.Of(Component::kDmMaster)) {
      if (instance->name == name) masters.push_back(instance);
    }
  }
  return masters;
}

absl::StatusOr<ScaleInput> LoadScale(const Resources& resources, StepContext& context) {
  ScaleInput input;
  ASSIGN_OR_RETURN(input.params, ParamsOf<pv1::ScaleParams>(context));
  ASSIGN_OR_RETURN(input.record, LoadCluster(resources, context));
  return input;
}

StepResult Drop(const Resources& resources, const std::string& cluster,
                const std::vector<std::string>& instances) {
  StepResult result;
  // Read in the transaction: steps of other hosts drop theirs at the same time.
  result.commit = [&resources, cluster, instances](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::LockCluster(tx, cluster));
    ASSIGN_OR_RETURN(auto record, store::GetCluster(tx, cluster));
    RETURN_IF_ERROR(clusters::OpenOptions(resources, &record));
    topology::RemoveServers(topology::Only(record.cluster, instances).instances, &record.topology);
    record.cluster = topology::Without(record.cluster, instances);
    RETURN_IF_ERROR(DropMonitored(tx, &record));
    clusters::SealOptions(resources, &record);
    RETURN_IF_ERROR(store::DeleteInstances(tx, cluster, instances));
    return store::SetTopology(tx, cluster, record.topology, record.sealed_options);
  };
  return result;
}

void RegisterScaleInRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kVacate, std::make_unique<Vacate>(resources));
  registry->Add(kAskQuorum, std::make_unique<AskQuorum>(resources));
  registry->Add(kLeave, std::make_unique<Leave>(resources));
  registry->Add(kLetGo, std::make_unique<LetGoOnly>(resources));
  registry->Add(kRemoveSome, std::make_unique<RemoveSome>(resources));
  registry->Add(kForget, std::make_unique<Forget>(resources));
}

}  // namespace dmgr::operations
