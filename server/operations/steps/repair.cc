#include "server/operations/steps/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/record.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/repair.h"
#include "server/operations/steps/host_files.h"
#include "server/operations/steps/hup.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/tasks.h"
#include "server/operations/steps/turn.h"
#include "server/operations/steps/units_runner.h"
#include "server/operations/steps/whole_stop.h"
#include "server/render/render.h"
#include "server/store/behind_store.h"
#include "server/store/package_store.h"
#include "server/store/patch_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Component;
using topology::Instance;

constexpr int kAllPackages = 100000;

// What the steps work with.
struct RepairInput {
  pv1::RepairParams params;
  store::ClusterRecord record;
  // Of the step's machine, as far as it is about them.
  Instances instances;
};

absl::StatusOr<std::unique_ptr<RepairInput>> LoadRepair(const Resources& resources,
                                                        StepContext& context) {
  // The instances are the record's: it must not move.
  auto input = std::make_unique<RepairInput>();
  ASSIGN_OR_RETURN(input->params, ParamsOf<pv1::RepairParams>(context));
  ASSIGN_OR_RETURN(input->record, LoadCluster(resources, context));
  ASSIGN_OR_RETURN(input->instances, InstancesOf(input->record.cluster, context));
  return input;
}

// What the look at the step's machine has found.
absl::StatusOr<pv1::RepairSeen> SeenBy(StepContext& context) {
  ASSIGN_OR_RETURN(auto seen,
                   ResultOf<pv1::RepairSeen>(context, Machine(context) + "/" + kLookStep));
  return seen.value_or(pv1::RepairSeen());
}

bool IsIdle(const hv1::UnitState& unit) {
  return unit.active_state() == "inactive" || unit.active_state() == "failed";
}

// The instances whose units are as `wanted` says.
absl::StatusOr<Instances> ThoseWith(bool (*wanted)(const hv1::UnitState&),
                                    const Instances& instances, StepContext& context) {
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
  Instances found;
  for (std::size_t i = 0; i < units.size() && i < instances.size(); ++i) {
    if (wanted(units[i])) found.push_back(instances[i]);
  }
  return found;
}

// Records what differs before anything is changed: a second look would not see what the first one
// had to be restarted for.
class RepairLook : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, LoadRepair(resources(), context));
    const auto& record = input->record;
    ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(record)));
    ASSIGN_OR_RETURN(const auto package, LoadPackage(resources(), context, record.cluster.version));
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    ASSIGN_OR_RETURN(const auto units, SurveyUnits(context, input->instances));
    pv1::RepairSeen seen;
    for (std::size_t i = 0; i < input->instances.size() && i < units.size(); ++i) {
      const Instance& instance = *input->instances[i];
      const bool is_old = units[i].runs_other_program() ||
                          OwesRestart(input->params, instance.name, units[i].state());
      ASSIGN_OR_RETURN(const auto wanted,
                       WantedFilesOf(resources(), record, record, instance.name, files));
      ASSIGN_OR_RETURN(auto difference,
                       DifferenceOf(record.cluster, wanted, [&](hv1::ToHost request) {
                         return Hosts(context).Call(context, std::move(request));
                       }));
      ASSIGN_OR_RETURN(const auto programs, Misplaced(context, {&instance}, package, before));
      ASSIGN_OR_RETURN(const auto releases, ChangedReleases(context, {&instance}, package, before));
      for (const auto* paths : {&programs, &releases}) {
        difference.paths.insert(difference.paths.end(), paths->begin(), paths->end());
      }
      if (!difference.paths.empty()) {
        context.Log(v1::LogLine::LEVEL_INFO, fmt::format("{} differs: {}", instance.name,
                                                         fmt::join(difference.paths, ", ")));
      }
      if (is_old) {
        context.Log(v1::LogLine::LEVEL_INFO,
                    fmt::format("{} runs with what was replaced since it started", instance.name));
      }
      auto* out = seen.add_instances();
      out->set_name(instance.name);
      out->set_differs(!difference.paths.empty() || is_old);
      out->set_is_reloadable(difference.is_reloadable && !is_old && programs.empty() &&
                             releases.empty());
      out->set_release_changed(!releases.empty());
      out->set_ran(!IsIdle(units[i].state()));
    }
    SeeMigrations(context, record.cluster, &seen);
    return StepResult{.result_json = StepJson(seen), .commit = nullptr};
  }

 private:
  // A repair may be what brings DM back: without an answer there is nothing to compare with.
  static void SeeMigrations(StepContext& context, const topology::Cluster& cluster,
                            pv1::RepairSeen* seen) {
    const auto members = AskMembers(context, cluster);
    if (!members.ok()) return;
    for (const auto& worker : members->workers) {
      if (!worker.source.empty()) seen->add_sources(worker.source);
    }
    const auto tasks = AskTasks(context, cluster);
    if (!tasks.ok()) return;
    const auto alive = migrations::AliveOf(*tasks);
    seen->mutable_subtasks()->Assign(alive.begin(), alive.end());
  }

  static absl::StatusOr<std::vector<hv1::UnitSeen>> SurveyUnits(StepContext& context,
                                                                const Instances& instances) {
    hv1::ToHost request;
    for (const auto* instance : instances) {
      auto* asked = request.mutable_survey()->add_units();
      asked->set_name(instance->Unit());
      asked->set_program(
          instance->PathOf(components::TraitsOf(instance->component).program_path()));
    }
    ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
    const auto& units = reply.survey().units();
    return std::vector<hv1::UnitSeen>(units.begin(), units.end());
  }

  // Whether an earlier repair has changed its files, and it has not been started since.
  static bool OwesRestart(const pv1::RepairParams& params, const std::string& instance,
                          const hv1::UnitState& unit) {
    const absl::Time started = absl::Now() - absl::Milliseconds(unit.uptime_ms());
    return std::ranges::any_of(params.owed(), [&](const pv1::OwedRestart& owed) {
      return owed.instance() == instance &&
             (unit.uptime_ms() == 0 || started < absl::FromUnixMicros(owed.unix_micros()));
    });
  }
};

// What is as it should be is left alone by the far end, whatever the look has seen of it.
class RepairPlace : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::Duration Deadline() const override { return absl::Hours(1); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, LoadRepair(resources(), context));
    const auto& record = input->record;
    std::vector<std::string> names;
    std::set<std::string> components;
    std::set<std::string> disabled;
    for (const auto* instance : input->instances) {
      names.push_back(instance->name);
      components.emplace(topology::Name(instance->component));
      if (!instance->wanted_enabled) disabled.insert(instance->Unit());
    }
    const topology::Cluster concerned = topology::Only(record.cluster, names);
    ASSIGN_OR_RETURN(const auto package, LoadPackage(resources(), context, record.cluster.version));
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(record)));
    hv1::ToHost preparation = Preparation(record, concerned, Machine(context));
    // It may have been away while the cluster got another one.
    *preparation.mutable_batch()->add_requests()->mutable_drop_old_keys() =
        OldKeysOf(record.cluster, record.public_key);
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(preparation)).status());
    ASSIGN_OR_RETURN(const auto seen, SeenBy(context));
    const bool changed = std::ranges::any_of(seen.instances(),
                                             [](const auto& one) { return one.release_changed(); });
    for (const auto& component : components) {
      RETURN_IF_ERROR(SendComponent(resources(), context, concerned, package, component, before,
                                    changed ? Sending::kChanged : Sending::kMissing)
                          .status());
    }
    ASSIGN_OR_RETURN(auto request, Installation(resources(), record, input->instances, package,
                                                before, files, disabled));
    for (auto& part : *request.mutable_batch()->mutable_requests()) {
      if (part.has_place_releases()) part.mutable_place_releases()->set_by_content(true);
    }
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }
};

// Stops those that run and are not to.
absl::Status StopRunning(StepContext& context, const topology::Cluster& cluster,
                         const Instances& instances) {
  ASSIGN_OR_RETURN(
      const Instances running,
      ThoseWith([](const hv1::UnitState& unit) { return !IsIdle(unit); }, instances, context));
  if (running.empty()) return absl::OkStatus();
  for (const auto* instance : running) {
    context.Log(v1::LogLine::LEVEL_INFO,
                fmt::format("{} runs and is not to: it is stopped", instance->name));
  }
  const auto masters = cluster.Of(Component::kDmMaster);
  const bool whole = std::none_of(masters.begin(), masters.end(),
                                  [](const Instance* i) { return i->wanted_running; });
  return whole ? EndWhole(context, running) : StopInstances(context, running);
}

// Starts those that do not run and are to.
absl::Status StartIdle(StepContext& context, const topology::Cluster& cluster,
                       const Instances& instances) {
  ASSIGN_OR_RETURN(
      const Instances idle,
      ThoseWith([](const hv1::UnitState& unit) { return !IsActive(unit); }, instances, context));
  if (idle.empty()) return absl::OkStatus();
  for (const auto* instance : idle) {
    context.Log(v1::LogLine::LEVEL_INFO,
                fmt::format("{} is to run and does not: it is started", instance->name));
  }
  return StartInstances(context, cluster, idle);
}

absl::Status RestartAlone(StepContext& context, const RepairInput& input,
                          const pv1::RepairSeen& seen, const Instance& instance) {
  const topology::Cluster& cluster = input.record.cluster;
  Turn turn;
  turn.cluster = &cluster;
  turn.instance = &instance;
  turn.spares_no_majority = input.params.spares_no_majority();
  turn.accepts_load_restart = input.params.accepts_load_restart();
  turn.sources.assign(seen.sources().begin(), seen.sources().end());
  turn.subtasks.assign(seen.subtasks().begin(), seen.subtasks().end());
  if (instance.IsDm() && turn.sources.empty()) {
    ASSIGN_OR_RETURN(const auto members, AwaitElected(context, cluster));
    for (const auto& worker : members.workers) {
      if (!worker.source.empty()) turn.sources.push_back(worker.source);
    }
  }
  return RestartInTurn(context, turn,
                       [&] { return RestartInstances(context, cluster, {&instance}); });
}

// Restarts one that ran when it was seen to have other files. One that was started since has the
// new ones.
absl::Status RenewOne(StepContext& context, const RepairInput& input, const pv1::RepairSeen& seen,
                      const Instance& instance) {
  const auto found = std::ranges::find_if(
      seen.instances(),
      [&](const pv1::RepairSeen::Instance& one) { return one.name() == instance.name; });
  if (found == seen.instances().end() || !found->ran()) return absl::OkStatus();
  if (!found->differs())
    return input.params.hup() ? HupInstance(context, instance) : absl::OkStatus();
  return found->is_reloadable() ? HupInstance(context, instance)
                                : RestartAlone(context, input, seen, instance);
}

class RepairStop : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::Duration Deadline() const override { return kServiceDeadline; }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, LoadRepair(resources(), context));
    RETURN_IF_ERROR(StopRunning(context, input->record.cluster, input->instances));
    return StepResult{};
  }
};

class RepairStart : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::Duration Deadline() const override { return kServiceDeadline; }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, LoadRepair(resources(), context));
    RETURN_IF_ERROR(StartIdle(context, input->record.cluster, input->instances));
    return StepResult{};
  }
};

class RepairTurn : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::Duration Deadline() const override { return kTurnDeadline; }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, LoadRepair(resources(), context));
    ASSIGN_OR_RETURN(const auto seen, SeenBy(context));
    for (const auto* instance : input->instances) {
      RETURN_IF_ERROR(RenewOne(context, *input, seen, *instance));
    }
    return StepResult{};
  }
};

// Does for the instances of a machine what no step of their own has done: what had differed when
// the plan was made has its steps.
class RepairRest : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::Duration Deadline() const override { return kTurnDeadline; }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, LoadRepair(resources(), context));
    ASSIGN_OR_RETURN(const auto seen, SeenBy(context));
    const topology::Cluster& cluster = input->record.cluster;
    Instances to_run;
    Instances to_stop;
    for (const auto* instance : input->instances) {
      (instance->wanted_running ? to_run : to_stop).push_back(instance);
    }
    RETURN_IF_ERROR(StopRunning(context, cluster, to_stop));
    RETURN_IF_ERROR(StartIdle(context, cluster, to_run));
    const auto& renewed = input->params.renewed();
    for (const auto* instance : to_run) {
      if (std::ranges::find(renewed, instance->name) != renewed.end()) continue;
      RETURN_IF_ERROR(RenewOne(context, *input, seen, *instance));
    }
    return StepResult{};
  }
};

// Gives up what the machine has of other versions, and patches that are not used there.
class RepairDrop : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    std::set<std::string> hashes;
    RETURN_IF_ERROR(resources().database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(hashes, store::ListPatchIds(tx));
      ASSIGN_OR_RETURN(const auto packages, store::ListPackages(tx, "", kAllPackages));
      for (const auto& package : packages) {
        for (const auto& component : package.components()) {
          hashes.insert(component.release_hash());
        }
      }
      return absl::OkStatus();
    }));
    RETURN_IF_ERROR(DropUnused(resources(), context, hashes, {record.cluster.version}));
    return StepResult{};
  }
};

class RecordRepaired : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::RepairParams>(context));
    StepResult result;
    result.commit =
        [cluster = context.operation().operation.cluster_name(),
         machines = std::vector<std::string>(params.machines().begin(), params.machines().end())](
            store::Transaction& tx) { return store::DeleteBehind(tx, cluster, machines); };
    return result;
  }
};

}  // namespace

void RegisterRepairRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kRepairLook, std::make_unique<RepairLook>(resources));
  registry->Add(kRepairPlace, std::make_unique<RepairPlace>(resources));
  registry->Add(kRepairStop, std::make_unique<RepairStop>(resources));
  registry->Add(kRepairStart, std::make_unique<RepairStart>(resources));
  registry->Add(kRepairTurn, std::make_unique<RepairTurn>(resources));
  registry->Add(kRepairRest, std::make_unique<RepairRest>(resources));
  registry->Add(kRepairDrop, std::make_unique<RepairDrop>(resources));
  registry->Add(kRecordRepaired, std::make_unique<RecordRepaired>(resources));
}

}  // namespace dmgr::operations
