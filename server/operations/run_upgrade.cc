// The steps of an upgrade.
#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "common/error.h"
#include "server/operations/install.h"
#include "server/operations/plan_upgrade.h"
#include "server/operations/runners.h"
#include "server/operations/turn_runner.h"
#include "server/operations/workspace.h"

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

// Gives up releases of the cluster on the step's machine.
absl::Status DropReleases(const Services& services, StepContext& context,
                          const std::string& version, const std::string& kept,
                          const std::vector<std::string>& components) {
  ASSIGN_OR_RETURN(const auto record, LoadCluster(services, context));
  const std::string& machine = context.step().step.host();
  ASSIGN_OR_RETURN(const auto before, LoadBefore(services, record.cluster.name, machine));
  ASSIGN_OR_RETURN(const auto package, LoadPackage(services, version));
  ASSIGN_OR_RETURN(const auto other, LoadPackage(services, kept));
  hv1::ToHost request;
  auto* removal = request.mutable_remove_cluster();
  removal->set_keep_cluster(true);
  std::set<std::string> stores;
  for (const auto& name : components) {
    const auto* release = FindComponent(package, name);
    const auto* stays = FindComponent(other, name);
    if (release == nullptr) continue;
    if (stays != nullptr && stays->release_hash() == release->release_hash()) continue;
    removal->add_hashes(release->release_hash());
    stores.merge(StoresFor(record.cluster, machine, name, before));
  }
  for (const auto& store : stores) removal->add_store_dirs(store);
  return static_cast<HostScope&>(context.scope()).Call(context, std::move(request)).status();
}

class UpgradeRelease : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Hours(1); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    ASSIGN_OR_RETURN(const auto package, LoadPackage(services(), params.to));
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
    ASSIGN_OR_RETURN(const auto package, LoadPackage(services(), params.to));
    ASSIGN_OR_RETURN(auto before, LoadBefore(services(), record.cluster.name, Machine(context)));
    for (const auto& component : params.components) {
      ASSIGN_OR_RETURN(const bool there,
                       HasComponent(context, record.cluster, package, component, before));
      if (!there) return false;
    }
    return true;
  }
};

// Puts instances of the step's machine on the host as a version has them. What an administrator
// disabled stays so.
absl::Status Place(const Services& services, StepContext& context,
                   const store::ClusterRecord& record, const std::string& version,
                   const Instances& instances) {
  const auto target = AtVersion(record, version);
  ASSIGN_OR_RETURN(const auto package, LoadPackage(services, version));
  ASSIGN_OR_RETURN(const auto before,
                   LoadBefore(services, record.cluster.name, context.step().step.host()));
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(ClusterTree(target)));
  ASSIGN_OR_RETURN(const auto units, UnitStates(context, instances));
  std::set<std::string> disabled;
  for (const auto& unit : units) {
    if (unit.loaded() && !unit.enabled()) disabled.insert(unit.unit());
  }
  ASSIGN_OR_RETURN(auto request,
                   Installation(services, target, instances, package, before, files, disabled));
  return static_cast<HostScope&>(context.scope()).Call(context, std::move(request)).status();
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

class Upgrade : public TurnRunner {
 public:
  using TurnRunner::TurnRunner;

 protected:
  absl::StatusOr<bool> Needs(StepContext& context, const store::ClusterRecord& record,
                             const Turn& turn) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    return Differs(services(), record, *turn.instance, params);
  }
  absl::Status Do(StepContext& context, const store::ClusterRecord& record,
                  const Turn& turn) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    bool touched = false;
    absl::Status taken = Take(context, turn, [&]() -> absl::Status {
      touched = true;
      RETURN_IF_ERROR(Place(services(), context, record, params.to, {turn.instance}));
      return RestartInstances(context, record.cluster, {turn.instance});
    });
    // What can be tried again, or was told to end, is not the new version's fault.
    if (taken.ok() || !touched || context.Cancelled() || absl::IsUnavailable(taken)) return taken;
    return PutBack(context, record, turn, params, taken);
  }

  absl::Status Revert(StepContext& context, const store::ClusterRecord& record, const Turn& turn,
                      bool ran) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    const auto place = [&] {
      return Place(services(), context, record, params.from, {turn.instance});
    };
    if (!ran) {
      RETURN_IF_ERROR(StopInstances(context, {turn.instance}));
      return place();
    }
    return Take(context, turn, [&]() -> absl::Status {
      RETURN_IF_ERROR(place());
      return RestartInstances(context, record.cluster, {turn.instance});
    });
  }

 private:
  absl::Status PutBack(StepContext& context, const store::ClusterRecord& record, const Turn& turn,
                       const UpgradeParams& params, const absl::Status& why) {
    const std::string& name = turn.instance->name;
    const std::string& id = context.operation().operation.operation_id();
    context.Log(v1::LogLine::LEVEL_WARNING,
                fmt::format("{} is put back to {}: {}", name, params.from, Message(why)));
    absl::Status back = Place(services(), context, record, params.from, {turn.instance});
    if (back.ok()) back = RestartInstances(context, record.cluster, {turn.instance});
    return Error(why.code(), "UPGRADE_FAILED", "{} does not get healthy with {}, and {}: {}", name,
                 params.to,
                 back.ok()
                     ? "runs " + params.from + " again"
                     : fmt::format("could not be put back to {} ({})", params.from, Message(back)),
                 Message(why))
        .With("instance", name)
        .With("machine", turn.instance->machine_id)
        .Remedy("mend the cause, then: dmgrctl operation resume " + id + "; or go back to " +
                params.from + ": dmgrctl operation rollback " + id);
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
    RETURN_IF_ERROR(Place(services(), context, record, params.to, instances));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(services(), context));
    RETURN_IF_ERROR(Place(services(), context, record, params.from,
                          record.cluster.OnMachine(Machine(context))));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

class RecordVersion : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    return Set(context, params.to);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf(context));
    return Set(context, params.from);
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  static StepResult Set(const StepContext& context, const std::string& version) {
    StepResult result;
    result.commit = [cluster = context.operation().operation.cluster_name(),
                     version](store::Transaction& tx) {
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
    RETURN_IF_ERROR(DropReleases(services(), context, params.from, params.to, params.components));
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
