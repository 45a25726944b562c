// The steps of a scale-out, and the rewriting that both directions end with.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "common/components/traits.h"
#include "common/error.h"
#include "common/short_status.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/cache.h"
#include "server/clusters/checks.h"
#include "server/clusters/conflicts.h"
#include "server/clusters/host_before.h"
#include "server/clusters/record.h"
#include "server/engine/runner.h"
#include "server/operations/scale/membership.h"
#include "server/operations/scale/plan.h"
#include "server/operations/scale/scale.h"
#include "server/operations/scale/steps.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/units.h"
#include "server/operations/steps/units_runner.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/borrowed_store.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Component;
using topology::Instance;
using topology::Membership;
using Instances = std::vector<const Instance*>;

absl::StatusOr<bool> AllActive(const Resources& resources, StepContext& context) {
  ASSIGN_OR_RETURN(const auto input, LoadScale(resources, context));
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, input.Concerned()));
  return std::all_of(units.begin(), units.end(), IsActive);
}

StepResult Becomes(Membership membership, const store::ClusterRecord& record,
                   const std::vector<std::string>& instances) {
  StepResult result;
  result.commit = [cluster = record.cluster.name, instances, membership](store::Transaction& tx) {
    RETURN_IF_ERROR(
        store::SetWantedRunning(tx, cluster, instances, membership == Membership::kJoined));
    return store::SetMembership(tx, cluster, instances, membership);
  };
  return result;
}

// Stands for the rows that the call which made the operation inserted.
class RegisterNew : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext&) override { return StepResult{}; }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    StepResult result = Drop(resources(), input.record.cluster.name, input.AllNames());
    result.commit = [drop = result.commit, cluster = input.record.cluster.name,
                     borrowed = std::vector<std::string>(input.params.borrowed().begin(),
                                                         input.params.borrowed().end())](
                        store::Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(store::DeleteBorrowed(tx, cluster, borrowed));
      return drop(tx);
    };
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

// The release stores that the host has are used on, by file system.
clusters::HostBefore WithStoresOf(const clusters::HostBefore& first, clusters::HostBefore later,
                                  const hv1::InspectReply& seen) {
  std::map<std::string, std::uint64_t> devices;
  for (const auto& state : seen.paths()) devices[state.path()] = state.device();
  for (auto& [dir, store] : later.stores) {
    for (const auto& [old_dir, old_store] : first.stores) {
      if (devices.contains(old_dir) && devices[old_dir] == devices[dir]) store = old_store;
    }
  }
  return later;
}

// As the survey of a deploy; adds to the record of a host that has other instances.
class SurveyNew : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    const std::string machine = Machine(context);
    const topology::Cluster fresh = topology::Only(input.record.cluster, input.Names());
    hv1::ToHost request;
    *request.mutable_inspect() = clusters::InspectionOf(fresh, machine);
    // Whoever is on the same file system as those that are there shares their release store.
    for (const auto* instance : input.record.cluster.OnMachine(machine)) {
      request.mutable_inspect()->add_paths(instance->deploy_dir);
    }
    ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
    ASSIGN_OR_RETURN(const auto allowed, clusters::LoadAllowedUsers(resources(), machine));
    const auto conflicts = clusters::DeployConflicts(fresh, machine, reply.inspect(), allowed);
    if (!conflicts.empty()) {
      return Error(
                 absl::StatusCode::kFailedPrecondition, "HOST_CONFLICT", "{}",
                 Findings(fmt::format("machine {} is not free for cluster {}", machine, fresh.name),
                          conflicts))
          .With("machine", machine)
          .Remedy("mend it, then resume the operation")
          .Next(v1::ACTION_RESUME_OPERATION,
                {{"operation_id", context.operation().operation.operation_id()}});
    }
    clusters::HostBefore before = clusters::MakeBefore(fresh, machine, reply.inspect());
    pv1::HostRecorded recorded;
    const auto first = clusters::LoadBefore(resources(), fresh.name, machine);
    if (first.ok()) {
      recorded.set_previous(ToJson(*first));
      before = clusters::Merge(*first, WithStoresOf(*first, before, reply.inspect()));
    } else if (!absl::IsNotFound(first.status())) {
      return first.status();
    }
    StepResult result;
    result.result_json = StepJson(recorded);
    result.commit = [cluster = fresh.name,
                     record = store::HostRecord{machine, ToJson(before)}](store::Transaction& tx) {
      return store::PutHostRecord(tx, cluster, record);
    };
    return result;
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto recorded, OwnResult<pv1::HostRecorded>(context));
    // One that was not committed recorded nothing.
    if (!recorded.has_value()) return StepResult{};
    StepResult result;
    result.commit = [cluster = context.operation().operation.cluster_name(),
                     machine = Machine(context),
                     previous = recorded->previous()](store::Transaction& tx) {
      return previous.empty() ? store::DeleteHostRecord(tx, cluster, machine)
                              : store::PutHostRecord(tx, cluster, {machine, previous});
    };
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

class Join : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return kMembershipDeadline; }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    for (const auto* master : input.Concerned()) {
      RETURN_IF_ERROR(JoinMaster(context, input.record.cluster, *master));
    }
    return Becomes(Membership::kJoined, input.record, input.Names());
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    for (const auto* master : input.Concerned()) {
      RETURN_IF_ERROR(LeaveMaster(context, input.record.cluster, *master));
    }
    // A removed one that goes on looks healthy and is not.
    RETURN_IF_ERROR(EndInstances(context, input.Concerned(), absl::ZeroDuration()));
    return Becomes(Membership::kJoining, input.record, input.Names());
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    return AllActive(resources(), context);
  }
};

// dm-workers and monitoring.
class StartNew : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return kServiceDeadline; }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    RETURN_IF_ERROR(StartInstances(context, input.record.cluster, input.Concerned()));
    return Becomes(Membership::kJoined, input.record, input.Names());
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    for (const auto* instance : input.Concerned()) {
      if (instance->component != Component::kDmWorker) continue;
      // DM moves it by itself when nobody else is free now.
      const absl::Status vacated =
          VacateWorker(context, input.record.cluster, *instance,
                       {.leaving = input.AllNames(), .accepts_load_restart = true});
      if (!vacated.ok()) {
        context.Log(v1::LogLine::LEVEL_WARNING, std::string(Message(vacated)));
      }
    }
    RETURN_IF_ERROR(StopInstances(context, input.Concerned()));
    for (const auto* instance : input.Concerned()) {
      if (instance->component != Component::kDmWorker) continue;
      RETURN_IF_ERROR(LetWorkerGo(context, input.record.cluster, instance->name));
    }
    return Becomes(Membership::kJoining, input.record, input.Names());
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    return AllActive(resources(), context);
  }
};

// Scripts and configuration of all instances on a host. dm-masters and dm-workers read them at
// their next start.
class Rewrite : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return kServiceDeadline; }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    input.record.cluster = topology::MembersOf(input.record.cluster);
    return Apply(context, input);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    input.record.cluster = topology::Without(input.record.cluster, input.AllNames());
    return Apply(context, input);
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  absl::StatusOr<StepResult> Apply(StepContext& context, const ScaleInput& input) {
    const auto instances = input.record.cluster.OnMachine(Machine(context));
    if (instances.empty()) return StepResult{};
    ASSIGN_OR_RETURN(auto files, render::LoadPackageFiles(clusters::ClusterTree(input.record)));
    hv1::ToHost request;
    for (const auto* instance : instances) {
      ASSIGN_OR_RETURN(auto rendered,
                       clusters::RenderOne(resources(), input.record, *instance, files));
      AddFiles(input.record.cluster, rendered, request.mutable_write_files());
    }
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
    Instances restart;
    for (const auto* instance : instances) {
      const bool active = std::any_of(units.begin(), units.end(), [&](const auto& unit) {
        return unit.unit() == instance->Unit() && unit.active_state() == "active";
      });
      if (!active) continue;
      if (!components::TraitsOf(instance->component).reload_metrics.empty()) {
        RETURN_IF_ERROR(Reload(context, *instance));
      }
      const auto& names = input.params.restart();
      const bool changed =
          std::find(names.begin(), names.end(), topology::Name(instance->component)) != names.end();
      const auto& all = input.params.all();
      const bool fresh = std::find(all.begin(), all.end(), instance->name) != all.end();
      if (changed && !fresh) restart.push_back(instance);
    }
    if (restart.empty()) return StepResult{};
    RETURN_IF_ERROR(StopInstances(context, restart));
    RETURN_IF_ERROR(StartInstances(context, input.record.cluster, restart));
    return StepResult{};
  }

  static absl::Status Reload(StepContext& context, const Instance& instance) {
    hv1::ToHost request;
    auto* control = request.mutable_control_units();
    control->set_verb(hv1::ControlUnits::VERB_RELOAD);
    control->add_units(instance.Unit());
    return Hosts(context).Call(context, std::move(request)).status();
  }
};

class Cache : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    input.record.cluster = topology::MembersOf(input.record.cluster);
    RETURN_IF_ERROR(clusters::WriteCache(resources(), input.record));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(auto input, LoadScale(resources(), context));
    input.record.cluster = topology::Without(input.record.cluster, input.AllNames());
    RETURN_IF_ERROR(clusters::WriteCache(resources(), input.record));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

}  // namespace

void RegisterScaleRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kRegisterNew, std::make_unique<RegisterNew>(resources));
  registry->Add(kSurveyNew, std::make_unique<SurveyNew>(resources));
  registry->Add(kJoin, std::make_unique<Join>(resources));
  registry->Add(kStartNew, std::make_unique<StartNew>(resources));
  registry->Add(kRewrite, std::make_unique<Rewrite>(resources));
  registry->Add(kCache, std::make_unique<Cache>(resources));
  RegisterScaleInRunners(resources, registry);
  RegisterReaddressRunner(resources, registry);
}

}  // namespace dmgr::operations
