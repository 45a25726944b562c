// The steps of an import and of a release.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/clusters/cluster_key.h"
#include "server/clusters/workspace.h"
#include "server/engine/runner.h"
#include "server/operations/import/found.h"
#include "server/operations/import/import.h"
#include "server/operations/import/plan.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units_runner.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"
#include "server/verify/findings.h"
#include "server/verify/members.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;

constexpr absl::Duration kAnswerTime = absl::Seconds(10);

absl::Status NotAsSaid(const StepContext& context, const std::string& cluster,
                       const std::vector<std::string>& problems) {
  return Error(absl::StatusCode::kFailedPrecondition, "FOREIGN_NOT_AS_SAID",
               "cluster {} is not as its topology says: {}", cluster, fmt::join(problems, "; "))
      .With("cluster", cluster)
      .Remedy(
          "mend it and resume the operation, or roll it back and import what there is; nothing "
          "was changed")
      .Next(v1::ACTION_RESUME_OPERATION,
            {{"operation_id", context.operation().operation.operation_id()}})
      .Next(v1::ACTION_ROLLBACK_OPERATION,
            {{"operation_id", context.operation().operation.operation_id()}});
}

// Which units run, on all machines by their looks.
struct AllUnits {
  std::set<std::string> active;
  std::set<std::string> enabled;

  static std::string Key(const std::string& machine, const std::string& unit) {
    return machine + "/" + unit;
  }
  bool Runs(const Instance& instance) const {
    return active.contains(Key(instance.machine_id, instance.Unit()));
  }
  bool IsEnabled(const Instance& instance) const {
    return enabled.contains(Key(instance.machine_id, instance.Unit()));
  }
};

absl::StatusOr<AllUnits> UnitsOfLooks(StepContext& context, const topology::Cluster& cluster) {
  AllUnits all;
  for (const auto& machine : cluster.MachineIds()) {
    ASSIGN_OR_RETURN(const auto seen,
                     ResultOf<pv1::UnitsSeen>(context, machine + "/" + kForeignLookStep));
    if (!seen.has_value()) continue;
    for (const auto& unit : seen->active()) all.active.insert(AllUnits::Key(machine, unit));
    for (const auto& unit : seen->enabled()) all.enabled.insert(AllUnits::Key(machine, unit));
  }
  return all;
}

class LookAtForeign : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    hv1::ToHost request;
    *request.mutable_inspect() = TiupInspection(record.cluster, instances);
    ASSIGN_OR_RETURN(const auto seen, Hosts(context).Call(context, std::move(request)));
    hv1::ToHost reading;
    for (const auto* instance : instances) {
      reading.mutable_read_files()->add_paths(TiupUnitFile(*instance));
    }
    ASSIGN_OR_RETURN(const auto read, Hosts(context).Call(context, std::move(reading)));
    std::map<std::string, std::string> unit_files;
    for (const auto& file : read.read_files().files()) unit_files[file.path()] = file.content();
    std::vector<std::string> problems =
        NotAsTiup(record.cluster, instances, seen.inspect(), unit_files);
    if (problems.empty()) {
      return StepResult{.result_json = StepJson(UnitsIn(seen.inspect())), .commit = nullptr};
    }
    problems.front().insert(0, fmt::format("on {} ", Machine(context)));
    return NotAsSaid(context, record.cluster.name, problems);
  }
};

class CheckForeign : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto units, UnitsOfLooks(context, record.cluster));
    topology::Cluster cluster = record.cluster;
    for (auto& instance : cluster.instances) instance.wanted_running = units.Runs(instance);
    members::MemberSource& source = *resources().members;
    verify::Findings findings(cluster.name);
    const auto masters = cluster.Of(topology::Component::kDmMaster);
    if (std::ranges::any_of(masters, [](const Instance* one) { return one->wanted_running; })) {
      const auto members = source.GetMembers(cluster, SteadyNow() + kAnswerTime,
                                             [&] { return context.Cancelled(); });
      verify::CompareMembers(cluster, members, &findings);
    }
    std::vector<std::string> problems;
    for (const auto& difference : findings.differences()) problems.push_back(difference.text());
    for (const auto& instance : cluster.instances) {
      if (instance.IsDm() && instance.wanted_running) AddVersion(instance, cluster, &problems);
    }
    if (problems.empty()) return StepResult{};
    return NotAsSaid(context, cluster.name, problems);
  }

 private:
  void AddVersion(const Instance& instance, const topology::Cluster& cluster,
                  std::vector<std::string>* problems) const {
    const auto health = resources().members->Probe(instance, SteadyNow() + kAnswerTime);
    if (!health.ready) {
      problems->push_back(fmt::format("{} does not answer: {}", instance.name, health.reason));
    } else if (!health.version.empty() && health.version != cluster.version) {
      problems->push_back(
          fmt::format("{} runs {}, not {}", instance.name, health.version, cluster.version));
    }
  }
};

// Of the package, nothing is needed before the takeover.
class ClaimForeign : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(clusters::ClaimClusterDir(DirOf(record), record.cluster.uuid));
    RETURN_IF_ERROR(clusters::WriteClusterKey(record));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(clusters::RemoveClusterDir(DirOf(record), record.cluster.uuid));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    return clusters::IsClusterDir(DirOf(record));
  }

 private:
  static std::string DirOf(const store::ClusterRecord& record) {
    return ClusterDir(record.cluster.cluster_path, record.cluster.name);
  }
};

// The recorded state is what was found: the first moment at which the cluster counts as one.
class RecordForeign : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto units, UnitsOfLooks(context, record.cluster));
    std::vector<std::string> running;
    std::vector<std::string> disabled;
    bool is_up = false;
    for (const auto& instance : record.cluster.instances) {
      if (units.Runs(instance)) running.push_back(instance.name);
      if (!units.IsEnabled(instance)) disabled.push_back(instance.name);
      is_up = is_up || (units.Runs(instance) && instance.IsDm());
    }
    StepResult result;
    result.commit = [name = record.cluster.name, running, disabled,
                     is_up](store::Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(store::SetWantedRunning(tx, name, running, true));
      RETURN_IF_ERROR(store::SetWantedEnabled(tx, name, disabled, false));
      return store::SetClusterState(tx, name,
                                    is_up ? v1::CLUSTER_STATE_UP : v1::CLUSTER_STATE_OFFLINE);
    };
    return result;
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    std::vector<std::string> all;
    for (const auto& instance : record.cluster.instances) all.push_back(instance.name);
    StepResult result;
    result.commit = [name = record.cluster.name, all](store::Transaction& tx) -> absl::Status {
      RETURN_IF_ERROR(store::SetWantedRunning(tx, name, all, false));
      RETURN_IF_ERROR(store::SetWantedEnabled(tx, name, all, true));
      return store::SetClusterState(tx, name, v1::CLUSTER_STATE_DEPLOYING);
    };
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

class ForgetForeign : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    const std::string& name = record.cluster.name;
    RETURN_IF_ERROR(clusters::RemoveClusterDir(ClusterDir(record.cluster.cluster_path, name),
                                               record.cluster.uuid));
    StepResult result;
    result.commit = [name](store::Transaction& tx) { return store::DeleteCluster(tx, name); };
    return result;
  }
};

}  // namespace

void RegisterImportRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kLookAtForeign, std::make_unique<LookAtForeign>(resources));
  registry->Add(kCheckForeign, std::make_unique<CheckForeign>(resources));
  registry->Add(kClaimForeign, std::make_unique<ClaimForeign>(resources));
  registry->Add(kRecordForeign, std::make_unique<RecordForeign>(resources));
  registry->Add(kForgetForeign, std::make_unique<ForgetForeign>(resources));
}

}  // namespace dmgr::operations
