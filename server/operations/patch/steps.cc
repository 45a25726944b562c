// The steps of a patch, and of taking patches off.
#include <map>
#include <set>
#include <utility>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/engine/runner.h"
#include "server/operations/patch/patch.h"
#include "server/operations/patch/plan.h"
#include "server/operations/plan/parts.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/replace_runner.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/turn.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/store/patch_store.h"
#include "server/topology/topology.h"
#include "server/warehouse/patch_upload.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;
using topology::Instance;

class PatchRelease : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Hours(1); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::PatchReleaseParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    RETURN_IF_ERROR(
        SendPatch(resources(), context, record.cluster, params.patch(), before).status());
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::PatchReleaseParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(DropUnused(resources(), context, {params.patch()}, {record.cluster.version}));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::PatchReleaseParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    return HasPatch(context, record.cluster, params.component(), params.patch(), before);
  }
};

class Patch : public ReplaceRunner {
 public:
  using ReplaceRunner::ReplaceRunner;

 protected:
  absl::StatusOr<Replacement> Describe(const StepContext& context) const override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::PatchTurn>(context));
    return Replacement{params.to_words(), params.from_words(), "PATCH_FAILED"};
  }
  absl::Status PlaceFiles(StepContext& context, const store::ClusterRecord& record,
                          const Instance& instance, bool back) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::PatchTurn>(context));
    Instance patched = instance;
    patched.patch = back ? params.from() : params.to();
    return PlaceAt(resources(), context, record, record.cluster.version, {&patched});
  }
  absl::StatusOr<Commit> CommitOf(const StepContext& context, const Turn& turn,
                                  bool back) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::PatchTurn>(context));
    return [cluster = turn.cluster->name, instance = turn.instance->name,
            patch = back ? params.from() : params.to()](store::Transaction& tx) {
      return store::SetInstancePatch(tx, cluster, instance, patch);
    };
  }
};

class RecordRolePatches : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::RolePatchParams>(context));
    return Set(context, params.from(), params.to());
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::RolePatchParams>(context));
    return Set(context, params.to(), params.from());
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  using Patches = google::protobuf::Map<std::string, std::string>;
  static StepResult Set(const StepContext& context, const Patches& from, const Patches& to) {
    std::map<std::string, std::string> wanted(to.begin(), to.end());
    for (const auto& [component, patch] : from) wanted.emplace(component, "");
    StepResult result;
    result.commit = [cluster = context.operation().operation.cluster_name(),
                     wanted](store::Transaction& tx) {
      for (const auto& [component, patch] : wanted) {
        RETURN_IF_ERROR(store::SetRolePatch(tx, cluster, component, patch));
      }
      return absl::OkStatus();
    };
    return result;
  }
};

class DropPatches : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::DropPatchParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(DropUnused(resources(), context,
                               {params.patches().begin(), params.patches().end()},
                               {record.cluster.version}));
    return StepResult{};
  }
};

class Free : public ForwardRunner {
 public:
  using ForwardRunner::ForwardRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    RETURN_IF_ERROR(
        warehouse::FreePatches(resources(), context.operation().operation.operation_id()));
    return StepResult{};
  }
};

}  // namespace

void RegisterPatchRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kPatchRelease, std::make_unique<PatchRelease>(resources));
  registry->Add(kPatch, std::make_unique<Patch>(resources));
  registry->Add(kRecordRolePatches, std::make_unique<RecordRolePatches>(resources));
  registry->Add(kDropPatches, std::make_unique<DropPatches>(resources));
  registry->Add(kFreePatches, std::make_unique<Free>(resources));
}

}  // namespace dmgr::operations
