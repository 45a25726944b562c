// The steps by which dmgr's files take the place of TiUP's, and dmgr leaves them to TiUP.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/components/traits.h"
#include "common/error.h"
#include "common/short_status.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/cache.h"
#include "server/clusters/conflicts.h"
#include "server/clusters/host_before.h"
#include "server/clusters/placement.h"
#include "server/clusters/record.h"
#include "server/clusters/removal.h"
#include "server/clusters/workspace.h"
#include "server/engine/runner.h"
#include "server/operations/import/found.h"
#include "server/operations/import/import.h"
#include "server/operations/import/plan.h"
#include "server/operations/steps/host_scope.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/let_go.h"
#include "server/operations/steps/replace_runner.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units_runner.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"
#include "server/warehouse/shared.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;

// What of the machine is recorded before anything is changed there; its undo is the last one.
class SurveyTakeover : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    const std::string machine = Machine(context);
    hv1::ToHost request;
    *request.mutable_inspect() = clusters::InspectionOf(record.cluster, machine);
    ASSIGN_OR_RETURN(const auto reply, Hosts(context).Call(context, std::move(request)));
    auto conflicts = clusters::TakeoverConflicts(record.cluster, machine, reply.inspect());
    RETURN_IF_ERROR(AddOtherUsers(context, record.cluster, &conflicts));
    if (!conflicts.empty()) return InTheWay(context, record.cluster.name, conflicts);
    store::HostRecord before{
        machine, ToJson(clusters::MakeBefore(record.cluster, machine, reply.inspect()))};
    StepResult result;
    result.commit = [cluster = record.cluster.name, before](store::Transaction& tx) {
      return store::InsertHostRecord(tx, cluster, before);
    };
    return result;
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    StepResult result;
    result.commit = [cluster = context.operation().operation.cluster_name(),
                     machine = Machine(context)](store::Transaction& tx) {
      return store::DeleteHostRecord(tx, cluster, machine);
    };
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  // Who may have instances run as a user that dmgr did not make, an admin says. Here root has: by
  // units that run as that user.
  absl::Status AddOtherUsers(StepContext& context, const topology::Cluster& cluster,
                             std::vector<std::string>* conflicts) {
    if (cluster.user_mode) return absl::OkStatus();
    const auto instances = cluster.OnMachine(Machine(context));
    hv1::ToHost request;
    for (const auto* instance : instances) {
      request.mutable_read_files()->add_paths(TiupUnitFile(*instance));
    }
    ASSIGN_OR_RETURN(const auto reply, Hosts(context).Call(context, std::move(request)));
    std::map<std::string, std::string> units;
    for (const auto& file : reply.read_files().files()) units[file.path()] = file.content();
    for (const auto* instance : instances) {
      const std::string path = TiupUnitFile(*instance);
      if (RunsAs(units[path], cluster.user)) continue;
      conflicts->push_back(
          fmt::format("{} does not have {} run as {}", path, instance->name, cluster.user));
    }
    return absl::OkStatus();
  }

  static absl::Status InTheWay(const StepContext& context, const std::string& cluster,
                               const std::vector<std::string>& conflicts) {
    const std::string& machine = Machine(context);
    return Error(absl::StatusCode::kFailedPrecondition, "HOST_CONFLICT", "{}",
                 Findings(
                     fmt::format("cluster {} cannot be taken over on machine {}", cluster, machine),
                     conflicts))
        .With("machine", machine)
        .With("cluster", cluster)
        .Remedy("mend it, then resume the operation")
        .Next(v1::ACTION_RESUME_OPERATION,
              {{"operation_id", context.operation().operation.operation_id()}});
  }
};

// The package's tree, with the files that people read.
class TakeoverTree : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(clusters::ClaimClusterDir(DirOf(record), record.cluster.uuid));
    RETURN_IF_ERROR(
        warehouse::HavePackage(resources(), record.cluster.version, CancelledBy(context)));
    RETURN_IF_ERROR(clusters::CopyPackageTree(PackageTree(resources(), record.cluster.version),
                                              clusters::ClusterTree(record)));
    RETURN_IF_ERROR(clusters::WriteCache(resources(), record));
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(clusters::RemoveTree(DirOf(record) + "/cache"));
    RETURN_IF_ERROR(clusters::RemoveTree(clusters::ClusterTree(record)));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    return std::filesystem::exists(DirOf(record) + "/cache") &&
           std::filesystem::exists(clusters::ClusterTree(record));
  }

 private:
  static std::string DirOf(const store::ClusterRecord& record) {
    return ClusterDir(record.cluster.cluster_path, record.cluster.name);
  }
};

// Takes the cluster's releases, and its key if it has one there, from the step's machine, with
// dmgr's record of the cluster; its files stay. kept_store: what is placed links into the stores.
hv1::LeaveCluster Leaving(const store::ClusterRecord& record, const clusters::HostBefore& before,
                          bool kept_store) {
  hv1::LeaveCluster leave;
  leave.set_user(record.cluster.user);
  leave.set_public_key(record.public_key);
  std::set<std::string> stores;
  for (const auto& [dir, store] : before.stores) stores.insert(store);
  if (!kept_store) *leave.mutable_store_dirs() = {stores.begin(), stores.end()};
  return leave;
}

// The user's key, and directories that TiUP has no need of.
class PrepareTakeover : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    auto request = Preparation(record, record.cluster, Machine(context));
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }
  // Directories that were there before stay as they are, with all that is in them.
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    const std::string& machine = Machine(context);
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, machine));
    const auto removal = clusters::RemovalOf(record.cluster, machine, before, record.public_key);
    hv1::ToHost request;
    auto* batch = request.mutable_batch();
    auto* paths = batch->add_requests()->mutable_remove_paths();
    *paths->mutable_dirs() = removal.dirs();
    *batch->add_requests()->mutable_leave_cluster() = Leaving(record, before, /*kept_store=*/false);
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

class SendTakeover : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Hours(1); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::ReleaseParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto package, LoadPackage(resources(), context, record.cluster.version));
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    RETURN_IF_ERROR(
        SendComponent(resources(), context, record.cluster, package, params.component(), before)
            .status());
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::ReleaseParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto package, LoadPackage(resources(), context, record.cluster.version));
    const auto* release =
        clusters::ReleaseOn(package, record.cluster, Machine(context), params.component());
    if (release == nullptr) return StepResult{};
    RETURN_IF_ERROR(DropUnused(resources(), context, {release->release_hash()}, {}));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::ReleaseParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto package, LoadPackage(resources(), context, record.cluster.version));
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    return HasComponent(context, record.cluster, package, params.component(), before);
  }
};

// All that dmgr puts on a host for an instance.
struct Laid {
  std::vector<std::string> paths;
  std::string unit;
};

absl::StatusOr<Laid> LaidFor(const Resources& resources, StepContext& context,
                             const store::ClusterRecord& record, const Instance& instance) {
  ASSIGN_OR_RETURN(const auto package, LoadPackage(resources, context, record.cluster.version));
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(record)));
  ASSIGN_OR_RETURN(const auto rendered, clusters::RenderOne(resources, record, instance, files));
  Laid laid{.paths = {}, .unit = rendered.unit_name};
  for (const auto& file : rendered.files) laid.paths.push_back(file.path);
  const auto* release = clusters::ReleaseFor(package, instance);
  if (release == nullptr) return laid;
  for (const auto& placement : clusters::PlacementsOf(instance, *release)) {
    laid.paths.push_back(placement.target());
  }
  return laid;
}

absl::Status LayOwn(const Resources& resources, StepContext& context,
                    const store::ClusterRecord& record, const Instance& instance) {
  ASSIGN_OR_RETURN(const Laid laid, LaidFor(resources, context, record, instance));
  hv1::ToHost request;
  auto* aside = request.mutable_set_aside();
  *aside->mutable_paths() = {laid.paths.begin(), laid.paths.end()};
  aside->add_units(laid.unit);
  RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
  return PlaceAt(resources, context, record, record.cluster.version, {&instance});
}

absl::Status PutBackForeign(const Resources& resources, StepContext& context,
                            const store::ClusterRecord& record, const Instance& instance) {
  ASSIGN_OR_RETURN(const Laid laid, LaidFor(resources, context, record, instance));
  hv1::ToHost request;
  auto* back = request.mutable_put_back();
  *back->mutable_paths() = {laid.paths.begin(), laid.paths.end()};
  back->add_units(laid.unit);
  return Hosts(context).Call(context, std::move(request)).status();
}

// Takes one instance of a running cluster.
class TakeOverOne : public ReplaceRunner {
 public:
  using ReplaceRunner::ReplaceRunner;

 protected:
  absl::StatusOr<Replacement> Describe(const StepContext&) const override {
    return Replacement{"dmgr's files", "TiUP's files", "TAKEOVER_FAILED"};
  }
  absl::Status PlaceFiles(StepContext& context, const store::ClusterRecord& record,
                          const Instance& instance, bool back) override {
    return back ? PutBackForeign(resources(), context, record, instance)
                : LayOwn(resources(), context, record, instance);
  }
  absl::StatusOr<bool> StaysStopped(StepContext& context, const Instance& instance) override {
    ASSIGN_OR_RETURN(const Instances ran, ThatWere(true, {&instance}, context));
    return ran.empty();
  }
};

// All instances of a machine in a stopped cluster.
class TakeOverStopped : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    return Each(
        context, [&](const store::ClusterRecord& record, const Instance& instance) -> absl::Status {
          RETURN_IF_ERROR(RequireInactive(context, {&instance}, "get dmgr's files at once"));
          return LayOwn(resources(), context, record, instance);
        });
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    return Each(context, [&](const store::ClusterRecord& record, const Instance& instance) {
      return PutBackForeign(resources(), context, record, instance);
    });
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  template <typename Work>
  absl::StatusOr<StepResult> Each(StepContext& context, const Work& work) {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    for (const auto* instance : instances) RETURN_IF_ERROR(work(record, *instance));
    return StepResult{};
  }
};

// From then on the cluster is changed as any other.
class RecordTakeover : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    return SetTo(context, v1::CLUSTER_ORIGIN_TAKEN_OVER);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    return SetTo(context, v1::CLUSTER_ORIGIN_TIUP);
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  static StepResult SetTo(const StepContext& context, v1::ClusterOrigin origin) {
    StepResult result;
    result.commit = [cluster = context.operation().operation.cluster_name(),
                     origin](store::Transaction& tx) {
      return store::SetClusterOrigin(tx, cluster, origin);
    };
    return result;
  }
};

// dmgr leaves the host. What runs there, and all files of it, stay.
class LeaveToTiup : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    const std::string& machine = Machine(context);
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, machine));
    bool links = false;
    for (const auto* instance : record.cluster.OnMachine(machine)) {
      links = links || !components::TraitsOf(instance->component).trees.empty();
    }
    hv1::ToHost request;
    *request.mutable_leave_cluster() = Leaving(record, before, links);
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }
};

}  // namespace

void RegisterTakeoverRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kSurveyTakeover, std::make_unique<SurveyTakeover>(resources));
  registry->Add(kTakeoverTree, std::make_unique<TakeoverTree>(resources));
  registry->Add(kPrepareTakeover, std::make_unique<PrepareTakeover>(resources));
  registry->Add(kSendTakeover, std::make_unique<SendTakeover>(resources));
  registry->Add(kTakeOver, std::make_unique<TakeOverOne>(resources));
  registry->Add(kTakeOverStopped, std::make_unique<TakeOverStopped>(resources));
  registry->Add(kRecordTakeover, std::make_unique<RecordTakeover>(resources));
  registry->Add(kLeaveToTiup, std::make_unique<LeaveToTiup>(resources));
}

}  // namespace dmgr::operations
