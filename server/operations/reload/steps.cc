// The steps of a reload.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/cache.h"
#include "server/clusters/desired.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/engine/runner.h"
#include "server/operations/plan/units.h"
#include "server/operations/reload/plan.h"
#include "server/operations/reload/reload.h"
#include "server/operations/steps/host_files.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/hup.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/replace_runner.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/turn.h"
#include "server/operations/steps/turn_runner.h"
#include "server/operations/steps/units.h"
#include "server/operations/steps/units_runner.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;

// What a step works with.
struct Input {
  pv1::ReloadParams params;
  store::ClusterRecord record;
  store::ClusterRecord desired;
  render::PackageFiles files;
};

absl::StatusOr<Input> Load(const Resources& resources, StepContext& context) {
  Input input;
  ASSIGN_OR_RETURN(input.params, ParamsOf<pv1::ReloadParams>(context));
  ASSIGN_OR_RETURN(input.record, LoadCluster(resources, context));
  if (clusters::ConfigEtag(input.record) != input.params.etag()) {
    return Error(
               absl::StatusCode::kFailedPrecondition, "RELOAD_OUTDATED",
               "the configuration of cluster {} is not any more what this reload was planned from",
               input.record.cluster.name)
        .With("cluster", input.record.cluster.name)
        .Remedy("roll the operation back, then reload again")
        .Next(v1::ACTION_ROLLBACK_OPERATION,
              {{"operation_id", context.operation().operation.operation_id()}});
  }
  ASSIGN_OR_RETURN(input.desired, clusters::DesiredRecord(resources, input.record));
  ASSIGN_OR_RETURN(input.files, render::LoadPackageFiles(clusters::ClusterTree(input.record)));
  return input;
}

std::vector<std::string> NamesIn(const pv1::ReloadParams& params) {
  return {params.instances().begin(), params.instances().end()};
}

std::string FilesContext(const StepContext& context) {
  return clusters::RestoreContext(context.operation().operation.operation_id());
}

// What the survey of the step's machine has found; nullopt: the files were as they should be.
absl::StatusOr<std::optional<pv1::FilesSeen::Instance>> SeenOf(StepContext& context,
                                                               const std::string& instance) {
  ASSIGN_OR_RETURN(const auto seen,
                   ResultOf<pv1::FilesSeen>(context, Machine(context) + "/" + kFilesStep));
  if (!seen.has_value()) {
    return Error(absl::StatusCode::kInternal, "STEP_MISSING",
                 "the operation has no record of the files on {} before", Machine(context));
  }
  for (const auto& one : seen->files()) {
    if (one.name() == instance) return std::optional(one);
  }
  return std::nullopt;
}

// Puts the new files of an instance on the step's machine.
absl::Status WriteNew(const Resources& resources, StepContext& context, const Instance& instance) {
  ASSIGN_OR_RETURN(const auto input, Load(resources, context));
  ASSIGN_OR_RETURN(const auto wanted, WantedFilesOf(resources, input.record, input.desired,
                                                    instance.name, input.files));
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, {&instance}));
  const bool enabled = std::all_of(units.begin(), units.end(), [](const auto& unit) {
    return !unit.loaded() || unit.enabled();
  });
  return Hosts(context).Call(context, WriteRequest(input.record.cluster, wanted, enabled)).status();
}

// Puts back what was there; nothing when nothing differed.
absl::Status WriteOld(const Resources& resources, StepContext& context, const Instance& instance) {
  ASSIGN_OR_RETURN(const auto seen, SeenOf(context, instance.name));
  if (!seen.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto opened,
                   resources.secrets->Open(seen->restore(), FilesContext(context)));
  hv1::ToHost request;
  if (!request.mutable_batch()->ParseFromString(opened)) {
    return absl::DataLossError("the record of the files cannot be read");
  }
  return Hosts(context).Call(context, std::move(request)).status();
}

// Records what is there before anything is changed.
class SurveyFiles : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, Load(resources(), context));
    pv1::FilesSeen seen;
    for (const auto& name : input.params.instances()) {
      ASSIGN_OR_RETURN(const auto wanted,
                       WantedFilesOf(resources(), input.record, input.desired, name, input.files));
      ASSIGN_OR_RETURN(const auto difference,
                       DifferenceOf(input.record.cluster, wanted, [&](hv1::ToHost request) {
                         return Hosts(context).Call(context, std::move(request));
                       }));
      if (difference.paths.empty()) continue;
      context.Log(v1::LogLine::LEVEL_INFO,
                  fmt::format("{}: {}", name, fmt::join(difference.paths, ", ")));
      auto* file = seen.add_files();
      file->set_name(name);
      file->set_restore(
          resources().secrets->Seal(difference.restore.SerializeAsString(), FilesContext(context)));
      file->set_is_reloadable(difference.is_reloadable);
    }
    return StepResult{.result_json = StepJson(seen), .commit = nullptr};
  }
};

// Has the programs that come with a component look at its new files, in a folder beside the old
// ones.
class CheckFiles : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, Load(resources(), context));
    for (const auto& instance : input.desired.cluster.instances) {
      if (!IsConcerned(input, instance)) continue;
      const absl::Status checked = Check(context, input, instance);
      RETURN_IF_ERROR(RemoveStage(context, input, instance));
      RETURN_IF_ERROR(checked);
    }
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, Load(resources(), context));
    for (const auto& instance : input.desired.cluster.instances) {
      if (IsConcerned(input, instance)) RETURN_IF_ERROR(RemoveStage(context, input, instance));
    }
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  static bool IsConcerned(const Input& input, const Instance& instance) {
    const auto& names = input.params.instances();
    return std::find(names.begin(), names.end(), instance.name) != names.end();
  }

  static std::string StageOf(const Instance& instance) { return instance.deploy_dir + "/.check"; }

  absl::Status Check(StepContext& context, const Input& input, const Instance& instance) {
    const topology::Cluster& cluster = input.record.cluster;
    ASSIGN_OR_RETURN(const auto package, LoadPackage(resources(), context, cluster.version));
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), cluster.name, Machine(context)));
    ASSIGN_OR_RETURN(auto rendered,
                     clusters::RenderOne(resources(), input.desired, instance, input.files));
    const auto store = before.stores.find(instance.deploy_dir);
    const auto* release = clusters::ReleaseFor(package, instance);
    if (store == before.stores.end() || release == nullptr) return absl::OkStatus();
    Instance staged = instance;
    staged.deploy_dir = StageOf(instance);
    const std::string conf = instance.deploy_dir + "/conf/";
    std::erase_if(rendered.files, [&](const auto& file) { return !file.path.starts_with(conf); });
    for (auto& file : rendered.files) {
      file.path = staged.deploy_dir + "/conf/" + file.path.substr(conf.size());
    }
    hv1::ToHost request;
    auto* batch = request.mutable_batch();
    auto* dirs = batch->add_requests()->mutable_make_dirs();
    for (const auto& path : {staged.deploy_dir, staged.deploy_dir + "/conf"}) {
      auto* dir = dirs->add_dirs();
      dir->set_path(path);
      dir->set_mode(0755);
      dir->set_owner(cluster.user);
      dir->set_group(cluster.group);
    }
    AddFiles(cluster, rendered, batch->add_requests()->mutable_write_files());
    for (auto& check : clusters::ChecksOf(cluster, staged, *release, store->second)) {
      *batch->add_requests()->mutable_check_file() = std::move(check);
    }
    return Hosts(context).Call(context, std::move(request)).status();
  }

  static absl::Status RemoveStage(StepContext& context, const Input& input,
                                  const Instance& instance) {
    hv1::ToHost request;
    auto* removal = request.mutable_remove_paths();
    removal->set_user(input.record.cluster.user);
    removal->add_dirs(StageOf(instance));
    return Hosts(context).Call(context, std::move(request)).status();
  }
};

// Takes one instance of a running cluster.
class ReloadOne : public ReplaceRunner {
 public:
  using ReplaceRunner::ReplaceRunner;

 protected:
  absl::StatusOr<bool> NeedsTurn(StepContext& context, const store::ClusterRecord&,
                                 const Turn& turn) override {
    ASSIGN_OR_RETURN(const auto seen, SeenOf(context, turn.instance->name));
    return seen.has_value();
  }
  absl::StatusOr<Replacement> Describe(const StepContext&) const override {
    return Replacement{"its new configuration", "its old configuration", "RELOAD_FAILED"};
  }
  absl::Status PlaceFiles(StepContext& context, const store::ClusterRecord&,
                          const Instance& instance, bool back) override {
    return back ? WriteOld(resources(), context, instance)
                : WriteNew(resources(), context, instance);
  }
  absl::StatusOr<bool> StaysStopped(StepContext& context, const Instance& instance) override {
    ASSIGN_OR_RETURN(const Instances ran, ThatWere(true, {&instance}, context));
    return ran.empty();
  }
  absl::Status ApplyFiles(StepContext& context, const store::ClusterRecord& record,
                          const Instance& instance) override {
    ASSIGN_OR_RETURN(const auto seen, SeenOf(context, instance.name));
    return seen.has_value() && seen->is_reloadable()
               ? HupInstance(context, instance)
               : RestartInstances(context, record.cluster, {&instance});
  }
};

// All instances of a machine in a stopped cluster.
class ReloadStopped : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    return Each(context, [&](const Instance& instance) -> absl::Status {
      RETURN_IF_ERROR(RequireInactive(context, {&instance}, "get new files in a stopped cluster"));
      ASSIGN_OR_RETURN(const auto seen, SeenOf(context, instance.name));
      return seen.has_value() ? WriteNew(resources(), context, instance) : absl::OkStatus();
    });
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    return Each(context,
                [&](const Instance& instance) { return WriteOld(resources(), context, instance); });
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  absl::StatusOr<StepResult> Each(StepContext& context,
                                  const std::function<absl::Status(const Instance&)>& work) {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    for (const auto* instance : instances) RETURN_IF_ERROR(work(*instance));
    return StepResult{};
  }
};

// What the hosts have becomes what is recorded.
class RecordConfig : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto input, Load(resources(), context));
    store::ClusterRecord shown = input.record;
    for (auto& instance : shown.cluster.instances) {
      for (const auto& wanted : input.desired.cluster.instances) {
        const auto& names = input.params.instances();
        const bool is_meant = std::find(names.begin(), names.end(), wanted.name) != names.end();
        if (is_meant && wanted.name == instance.name) instance = wanted;
      }
    }
    RETURN_IF_ERROR(clusters::WriteCache(resources(), shown));
    StepResult result;
    result.commit = [this, desired = input.desired,
                     names = NamesIn(input.params)](store::Transaction& tx) {
      return clusters::ApplyDesired(tx, resources(), desired, names);
    };
    return result;
  }
};

}  // namespace

void RegisterReloadRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kSurveyFiles, std::make_unique<SurveyFiles>(resources));
  registry->Add(kCheckFiles, std::make_unique<CheckFiles>(resources));
  registry->Add(kReload, std::make_unique<ReloadOne>(resources));
  registry->Add(kReloadStopped, std::make_unique<ReloadStopped>(resources));
  registry->Add(kRecordConfig, std::make_unique<RecordConfig>(resources));
}

}  // namespace dmgr::operations
