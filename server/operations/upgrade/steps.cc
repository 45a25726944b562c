// The steps of an upgrade.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "common/enum_words.h"
#include "common/error.h"
#include "server/clusters/cache.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/clusters/workspace.h"
#include "server/engine/runner.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/replace_runner.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/turn.h"
#include "server/operations/steps/units_runner.h"
#include "server/operations/upgrade/plan.h"
#include "server/operations/upgrade/upgrade.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/patch_store.h"
#include "server/topology/topology.h"
#include "server/warehouse/patch_upload.h"
#include "server/warehouse/shared.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;

store::ClusterRecord AtVersion(const store::ClusterRecord& record, const std::string& version) {
  store::ClusterRecord changed = record;
  changed.cluster.version = version;
  return changed;
}

// The new version's package tree, with what was edited by hand in the old one.
class UpgradeTree : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    const auto target = AtVersion(record, params.to());
    // What an earlier attempt left, or an earlier life of the cluster with this version.
    RETURN_IF_ERROR(clusters::RemoveTree(clusters::ClusterTree(target)));
    RETURN_IF_ERROR(warehouse::HavePackage(resources(), params.to(), CancelledBy(context)));
    RETURN_IF_ERROR(warehouse::HavePackage(resources(), params.from(), CancelledBy(context)));
    RETURN_IF_ERROR(clusters::CopyPackageTree(PackageTree(resources(), params.to()),
                                              clusters::ClusterTree(target)));
    RETURN_IF_ERROR(CarryEdits(context, params, record));
    RETURN_IF_ERROR(clusters::WriteCache(resources(), target));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(clusters::RemoveTree(clusters::ClusterTree(AtVersion(record, params.to()))));
    RETURN_IF_ERROR(clusters::WriteCache(resources(), AtVersion(record, params.from())));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    return std::filesystem::exists(clusters::ClusterTree(AtVersion(record, params.to())));
  }

 private:
  absl::Status CarryEdits(StepContext& context, const pv1::UpgradeParams& params,
                          const store::ClusterRecord& record) {
    const auto old_record = AtVersion(record, params.from());
    const std::string target = clusters::ClusterTree(AtVersion(record, params.to()));
    ASSIGN_OR_RETURN(const auto shipped,
                     render::LoadPackageFiles(PackageTree(resources(), params.from())));
    ASSIGN_OR_RETURN(const auto mine, render::LoadPackageFiles(clusters::ClusterTree(old_record)));
    ASSIGN_OR_RETURN(const auto coming, render::LoadPackageFiles(target));
    for (const auto& [path, content] : mine) {
      const auto original = shipped.find(path);
      if (original != shipped.end() && original->second == content) continue;
      RETURN_IF_ERROR(
          clusters::WriteFileAtomically(fmt::format("{}/{}", target, path), content, 0644));
      const auto next = coming.find(path);
      const bool differs =
          original != shipped.end() && next != coming.end() && next->second != original->second;
      context.Log(differs ? v1::LogLine::LEVEL_WARNING : v1::LogLine::LEVEL_INFO,
                  fmt::format("{} was edited by hand and is kept{}", path,
                              differs ? fmt::format("; {} ships another one", params.to()) : ""));
    }
    return absl::OkStatus();
  }
};

// Gives up releases of a version, and others by their hashes, on the step's machine, but for those
// that the kept version has, too.
absl::Status DropReleases(const Resources& resources, StepContext& context,
                          const std::string& version, const std::string& kept,
                          const google::protobuf::RepeatedPtrField<std::string>& components,
                          std::set<std::string> hashes = {}) {
  ASSIGN_OR_RETURN(const auto package, LoadPackage(resources, context, version));
  for (const auto& part : package.components()) {
    const bool goes = std::ranges::find(components, ToWord(part.component())) != components.end();
    if (goes) hashes.insert(part.release_hash());
  }
  return DropUnused(resources, context, hashes, {kept});
}

class UpgradeRelease : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Hours(1); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto package, LoadPackage(resources(), context, params.to()));
    ASSIGN_OR_RETURN(auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    for (const auto& component : params.components()) {
      RETURN_IF_ERROR(
          SendComponent(resources(), context, record.cluster, package, component, before).status());
    }
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    RETURN_IF_ERROR(
        DropReleases(resources(), context, params.to(), params.from(), params.components()));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto package, LoadPackage(resources(), context, params.to()));
    ASSIGN_OR_RETURN(auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    for (const auto& component : params.components()) {
      ASSIGN_OR_RETURN(const bool there,
                       HasComponent(context, record.cluster, package, component, before));
      if (!there) return false;
    }
    return true;
  }
};

// The record with the patches of a version: of the old one those of before, of the new one none.
store::ClusterRecord WithPatches(const store::ClusterRecord& record,
                                 const pv1::UpgradeParams& params, bool back) {
  store::ClusterRecord changed = record;
  for (auto& instance : changed.cluster.instances) {
    const auto patch = params.patches().find(instance.name);
    instance.patch = back && patch != params.patches().end() ? patch->second : "";
  }
  return changed;
}

// The instances of `record` with the names of `instances`.
Instances Named(const store::ClusterRecord& record, const Instances& instances) {
  Instances named;
  for (const auto& one : record.cluster.instances) {
    const bool wanted = std::any_of(instances.begin(), instances.end(),
                                    [&](const Instance* i) { return i->name == one.name; });
    if (wanted) named.push_back(&one);
  }
  return named;
}

// Puts instances on the step's machine as the new version, or with `back` the old one, has them.
absl::Status PlaceVersion(const Resources& resources, StepContext& context,
                          const store::ClusterRecord& record, const pv1::UpgradeParams& params,
                          const Instances& instances, bool back) {
  const auto target = WithPatches(record, params, back);
  return PlaceAt(resources, context, target, back ? params.from() : params.to(),
                 Named(target, instances));
}

// Records that instances run no patch any more, or with `back` those of before again.
std::function<absl::Status(store::Transaction&)> SetPatches(const StepContext& context,
                                                            const pv1::UpgradeParams& params,
                                                            const Instances& instances, bool back) {
  std::map<std::string, std::string> patches;
  for (const auto* instance : instances) {
    const auto patch = params.patches().find(instance->name);
    if (patch != params.patches().end()) patches[instance->name] = back ? patch->second : "";
  }
  if (patches.empty()) return nullptr;
  return [cluster = context.operation().operation.cluster_name(), patches](store::Transaction& tx) {
    for (const auto& [instance, patch] : patches) {
      RETURN_IF_ERROR(store::SetInstancePatch(tx, cluster, instance, patch));
    }
    return absl::OkStatus();
  };
}

absl::StatusOr<render::RenderedInstance> RenderAt(const Resources& resources,
                                                  const store::ClusterRecord& record,
                                                  const Instance& instance,
                                                  const std::string& version) {
  const auto target = AtVersion(record, version);
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(target)));
  return clusters::RenderOne(resources, target, instance, files);
}

// Whether the instance is another one in the new version: its release, or any of its files.
absl::StatusOr<bool> Differs(const Resources& resources, const store::ClusterRecord& record,
                             const Instance& instance, const pv1::UpgradeParams& params) {
  if (params.patches().contains(instance.name)) return true;
  topology::Cluster only = record.cluster;
  std::erase_if(only.instances, [&](const Instance& one) { return one.name != instance.name; });
  ASSIGN_OR_RETURN(const auto from, warehouse::LoadPackage(resources, params.from()));
  ASSIGN_OR_RETURN(const auto to, warehouse::LoadPackage(resources, params.to()));
  if (!ChangedOn(only, instance.machine_id, from, to).empty()) return true;
  ASSIGN_OR_RETURN(const auto now, RenderAt(resources, record, instance, params.from()));
  ASSIGN_OR_RETURN(const auto then, RenderAt(resources, record, instance, params.to()));
  const auto same = [](const render::RenderedFile& one, const render::RenderedFile& other) {
    return one.path == other.path && one.mode == other.mode && one.content == other.content;
  };
  return now.unit_content != then.unit_content ||
         !std::equal(now.files.begin(), now.files.end(), then.files.begin(), then.files.end(),
                     same);
}

class Upgrade : public ReplaceRunner {
 public:
  using ReplaceRunner::ReplaceRunner;

 protected:
  absl::StatusOr<bool> NeedsTurn(StepContext& context, const store::ClusterRecord& record,
                                 const Turn& turn) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeTurn>(context));
    return Differs(resources(), record, *turn.instance, params.upgrade());
  }
  absl::StatusOr<Replacement> Describe(const StepContext& context) const override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeTurn>(context));
    return Replacement{params.upgrade().to(), params.upgrade().from(), "UPGRADE_FAILED"};
  }
  absl::Status PlaceFiles(StepContext& context, const store::ClusterRecord& record,
                          const Instance& instance, bool back) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeTurn>(context));
    return PlaceVersion(resources(), context, record, params.upgrade(), {&instance}, back);
  }
  absl::StatusOr<Commit> CommitOf(const StepContext& context, const Turn& turn,
                                  bool back) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeTurn>(context));
    return SetPatches(context, params.upgrade(), {turn.instance}, back);
  }
};

class UpgradeStopped : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    const auto instances = record.cluster.OnMachine(Machine(context));
    RETURN_IF_ERROR(RequireInactive(context, instances, "be upgraded offline"));
    RETURN_IF_ERROR(PlaceVersion(resources(), context, record, params, instances, /*back=*/false));
    StepResult result;
    result.commit = SetPatches(context, params, instances, /*back=*/false);
    return result;
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    const auto instances = record.cluster.OnMachine(Machine(context));
    RETURN_IF_ERROR(PlaceVersion(resources(), context, record, params, instances, /*back=*/true));
    StepResult result;
    result.commit = SetPatches(context, params, instances, /*back=*/true);
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

class RecordVersion : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    return Set(context, params, /*back=*/false);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    return Set(context, params, /*back=*/true);
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  static StepResult Set(const StepContext& context, const pv1::UpgradeParams& params, bool back) {
    StepResult result;
    result.commit = [cluster = context.operation().operation.cluster_name(), params,
                     back](store::Transaction& tx) {
      for (const auto& [component, patch] : params.role_patches()) {
        RETURN_IF_ERROR(store::SetRolePatch(tx, cluster, component, back ? patch : ""));
      }
      // Of instances that were left out: the others have steps of their own.
      for (const auto& [instance, patch] : params.patches()) {
        RETURN_IF_ERROR(store::SetInstancePatch(tx, cluster, instance, back ? patch : ""));
      }
      return store::SetClusterVersion(tx, cluster, back ? params.from() : params.to());
    };
    return result;
  }
};

class DropOldReleases : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    std::set<std::string> patches;
    for (const auto& [instance, patch] : params.patches()) patches.insert(patch);
    RETURN_IF_ERROR(DropReleases(resources(), context, params.from(), params.to(),
                                 params.components(), std::move(patches)));
    return StepResult{};
  }
};

class DropTree : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::UpgradeParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(clusters::RemoveTree(clusters::ClusterTree(AtVersion(record, params.from()))));
    RETURN_IF_ERROR(
        warehouse::FreePatches(resources(), context.operation().operation.operation_id()));
    return StepResult{};
  }
};

}  // namespace

void RegisterUpgradeRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kUpgradeTree, std::make_unique<UpgradeTree>(resources));
  registry->Add(kUpgradeRelease, std::make_unique<UpgradeRelease>(resources));
  registry->Add(kUpgrade, std::make_unique<Upgrade>(resources));
  registry->Add(kUpgradeStopped, std::make_unique<UpgradeStopped>(resources));
  registry->Add(kRecordVersion, std::make_unique<RecordVersion>(resources));
  registry->Add(kDropReleases, std::make_unique<DropOldReleases>(resources));
  registry->Add(kDropTree, std::make_unique<DropTree>(resources));
}

}  // namespace dmgr::operations
