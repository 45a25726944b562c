// The steps of an upgrade.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "common/error.h"
#include "server/clusters/workspace.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/replace_runner.h"
#include "server/operations/steps/runner.h"
#include "server/operations/upgrade/plan.h"
#include "server/store/patch_store.h"
#include "server/warehouse/patch_upload.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;

absl::StatusOr<UpgradeParams> ParamsOf(const StepContext& context) {
  UpgradeParams params;
  RETURN_IF_ERROR(FromJson(context.step().payload_json, &params));
  return params;
}

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
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    const auto target = AtVersion(record, params.to);
    // Of an earlier attempt, or of an earlier life of the cluster with this version.
    RETURN_IF_ERROR(RemoveTree(ClusterTree(target)));
    RETURN_IF_ERROR(CopyPackageTree(PackageTree(services(), params.to), ClusterTree(target)));
    RETURN_IF_ERROR(CarryEdits(context, params, record));
    RETURN_IF_ERROR(WriteCache(services(), target));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    RETURN_IF_ERROR(RemoveTree(ClusterTree(AtVersion(record, params.to))));
    RETURN_IF_ERROR(WriteCache(services(), AtVersion(record, params.from)));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    return std::filesystem::exists(ClusterTree(AtVersion(record, params.to)));
  }

 private:
  absl::Status CarryEdits(StepContext& context, const UpgradeParams& params,
                          const store::ClusterRecord& record) {
    const auto old_record = AtVersion(record, params.from);
    const std::string target = ClusterTree(AtVersion(record, params.to));
    ASSIGN_OR_RETURN(const auto shipped,
                     render::LoadPackageFiles(PackageTree(services(), params.from)));
    ASSIGN_OR_RETURN(const auto mine, render::LoadPackageFiles(ClusterTree(old_record)));
    ASSIGN_OR_RETURN(const auto coming, render::LoadPackageFiles(target));
    for (const auto& [path, content] : mine) {
      const auto original = shipped.find(path);
      if (original != shipped.end() && original->second == content) continue;
      RETURN_IF_ERROR(WriteFileAtomically(target + "/" + path, content, 0644));
      const auto next = coming.find(path);
      const bool differs =
          original != shipped.end() && next != coming.end() && next->second != original->second;
      context.Log(differs ? v1::LogLine::LEVEL_WARNING : v1::LogLine::LEVEL_INFO,
                  fmt::format("{} was edited by hand and is kept{}", path,
                              differs ? fmt::format("; {} ships another one", params.to) : ""));
    }
    return absl::OkStatus();
  }
};

// Gives up releases of a version, and others by their hashes, on the step's machine, but for those
// that the kept version has, too.
absl::Status DropReleases(const Services& services, StepContext& context,
                          const std::string& version, const std::string& kept,
                          const std::vector<std::string>& components,
                          std::set<std::string> hashes = {}) {
  ASSIGN_OR_RETURN(const auto package, LoadPackage(services, context, version));
  for (const auto& name : components) {
    const auto* release = FindComponent(package, name);
    if (release != nullptr) hashes.insert(release->release_hash());
  }
  return DropUnused(services, context, hashes, {kept});
}

class UpgradeRelease : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Hours(1); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(const auto package, LoadPackage(services(), context, params.to));
    ASSIGN_OR_RETURN(auto before, LoadBefore(services(), record.cluster.name, Machine(context)));
    for (const auto& component : params.components) {
      RETURN_IF_ERROR(
          SendComponent(services(), context, record.cluster, package, component, before).status());
    }
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    RETURN_IF_ERROR(DropReleases(services(), context, params.to, params.from, params.components));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(const auto package, LoadPackage(services(), context, params.to));
    ASSIGN_OR_RETURN(auto before, LoadBefore(services(), record.cluster.name, Machine(context)));
    for (const auto& component : params.components) {
      ASSIGN_OR_RETURN(const bool there,
                       HasComponent(context, record.cluster, package, component, before));
      if (!there) return false;
    }
    return true;
  }
};

// The record with the patches of a version: of the old one those of before, of the new one none.
store::ClusterRecord WithPatches(const store::ClusterRecord& record, const UpgradeParams& params,
                                 bool back) {
  store::ClusterRecord changed = record;
  for (auto& instance : changed.cluster.instances) {
    const auto patch = params.patches.find(instance.name);
    instance.patch = back && patch != params.patches.end() ? patch->second : "";
  }
  return changed;
}

// Those of `record` with the names of `instances`.
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
absl::Status Place(const Services& services, StepContext& context,
                   const store::ClusterRecord& record, const UpgradeParams& params,
                   const Instances& instances, bool back) {
  const auto target = WithPatches(record, params, back);
  return PlaceAt(services, context, target, back ? params.from : params.to,
                 Named(target, instances));
}

// Records that instances run no patch any more, or with `back` those of before again.
std::function<absl::Status(store::Transaction&)> SetPatches(const StepContext& context,
                                                            const UpgradeParams& params,
                                                            const Instances& instances, bool back) {
  std::map<std::string, std::string> patches;
  for (const auto* instance : instances) {
    const auto patch = params.patches.find(instance->name);
    if (patch != params.patches.end()) patches[instance->name] = back ? patch->second : "";
  }
  if (patches.empty()) return nullptr;
  return [cluster = context.operation().operation.cluster_name(), patches](store::Transaction& tx) {
    for (const auto& [instance, patch] : patches) {
      RETURN_IF_ERROR(store::SetInstancePatch(tx, cluster, instance, patch));
    }
    return absl::OkStatus();
  };
}

absl::StatusOr<render::RenderedInstance> RenderAt(const Services& services,
                                                  const store::ClusterRecord& record,
                                                  const Instance& instance,
                                                  const std::string& version) {
  const auto target = AtVersion(record, version);
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(ClusterTree(target)));
  return RenderOne(services, target, instance, files);
}

// Whether the instance is another one in the new version: its release, or any of its files.
absl::StatusOr<bool> Differs(const Services& services, const store::ClusterRecord& record,
                             const Instance& instance, const UpgradeParams& params) {
  if (params.patches.contains(instance.name)) return true;
  topology::Cluster only = record.cluster;
  std::erase_if(only.instances, [&](const Instance& one) { return one.name != instance.name; });
  ASSIGN_OR_RETURN(const auto from, LoadPackage(services, params.from));
  ASSIGN_OR_RETURN(const auto to, LoadPackage(services, params.to));
  if (!ChangedOn(only, instance.machine_id, from, to).empty()) return true;
  ASSIGN_OR_RETURN(const auto now, RenderAt(services, record, instance, params.from));
  ASSIGN_OR_RETURN(const auto then, RenderAt(services, record, instance, params.to));
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
  absl::StatusOr<bool> Needs(StepContext& context, const store::ClusterRecord& record,
                             const Turn& turn) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    return Differs(services(), record, *turn.instance, params);
  }
  absl::StatusOr<Replacement> What(const StepContext& context) const override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    return Replacement{params.to, params.from, "UPGRADE_FAILED"};
  }
  absl::Status Place(StepContext& context, const store::ClusterRecord& record,
                     const Instance& instance, bool back) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    return operations::Place(services(), context, record, params, {&instance}, back);
  }
  absl::StatusOr<Commit> Record(const StepContext& context, const Turn& turn, bool back) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    return SetPatches(context, params, {turn.instance}, back);
  }
};

class UpgradeStopped : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    const auto instances = record.cluster.OnMachine(Machine(context));
    RETURN_IF_ERROR(RequireInactive(context, instances, "be upgraded offline"));
    RETURN_IF_ERROR(Place(services(), context, record, params, instances, /*back=*/false));
    StepResult result;
    result.commit = SetPatches(context, params, instances, /*back=*/false);
    return result;
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    const auto instances = record.cluster.OnMachine(Machine(context));
    RETURN_IF_ERROR(Place(services(), context, record, params, instances, /*back=*/true));
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
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    return Set(context, params.to, params.role_patches, /*back=*/false);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    return Set(context, params.from, params.role_patches, /*back=*/true);
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  static StepResult Set(const StepContext& context, const std::string& version,
                        const std::map<std::string, std::string>& role_patches, bool back) {
    StepResult result;
    result.commit = [cluster = context.operation().operation.cluster_name(), version, role_patches,
                     back](store::Transaction& tx) {
      for (const auto& [component, patch] : role_patches) {
        RETURN_IF_ERROR(store::SetRolePatch(tx, cluster, component, back ? patch : ""));
      }
      return store::SetClusterVersion(tx, cluster, version);
    };
    return result;
  }
};

class DropOldReleases : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    std::set<std::string> patches;
    for (const auto& [instance, patch] : params.patches) patches.insert(patch);
    RETURN_IF_ERROR(DropReleases(services(), context, params.from, params.to, params.components,
                                 std::move(patches)));
    return StepResult{};
  }
};

class DropTree : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    RETURN_IF_ERROR(RemoveTree(ClusterTree(AtVersion(record, params.from))));
    RETURN_IF_ERROR(FreePatches(services(), context.operation().operation.operation_id()));
    return StepResult{};
  }
};

}  // namespace

void RegisterUpgradeRunners(const Services* services, engine::Registry* registry) {
  registry->Add(kUpgradeTree, std::make_unique<UpgradeTree>(services));
  registry->Add(kUpgradeRelease, std::make_unique<UpgradeRelease>(services));
  registry->Add(kUpgrade, std::make_unique<Upgrade>(services));
  registry->Add(kUpgradeStopped, std::make_unique<UpgradeStopped>(services));
  registry->Add(kRecordVersion, std::make_unique<RecordVersion>(services));
  registry->Add(kDropReleases, std::make_unique<DropOldReleases>(services));
  registry->Add(kDropTree, std::make_unique<DropTree>(services));
}

}  // namespace dmgr::operations
