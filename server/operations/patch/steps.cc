// The steps of a patch, and of taking patches off.
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

template <typename Params>
absl::StatusOr<Params> ParamsOf(const StepContext& context) {
  Params params;
  RETURN_IF_ERROR(FromJson(context.step().payload_json, &params));
  return params;
}

class PatchRelease : public Runner {
 public:
  using Runner::Runner;
  absl::Duration Deadline() const override { return absl::Hours(1); }
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<PatchReleaseParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    RETURN_IF_ERROR(SendPatch(resources(), context, record.cluster, params.patch, before).status());
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<PatchReleaseParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(DropUnused(resources(), context, {params.patch}, {record.cluster.version}));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<PatchReleaseParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto before,
                     clusters::LoadBefore(resources(), record.cluster.name, Machine(context)));
    return HasPatch(context, record.cluster, params.component, params.patch, before);
  }
};

class Patch : public ReplaceRunner {
 public:
  using ReplaceRunner::ReplaceRunner;

 protected:
  absl::StatusOr<Replacement> What(const StepContext& context) const override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<PatchParams>(context));
    return Replacement{params.to_words, params.from_words, "PATCH_FAILED"};
  }
  absl::Status Place(StepContext& context, const store::ClusterRecord& record,
                     const Instance& instance, bool back) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<PatchParams>(context));
    Instance patched = instance;
    patched.patch = back ? params.from : params.to;
    return PlaceAt(resources(), context, record, record.cluster.version, {&patched});
  }
  absl::StatusOr<Commit> Record(const StepContext& context, const Turn& turn, bool back) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<PatchParams>(context));
    return [cluster = turn.cluster->name, instance = turn.instance->name,
            patch = back ? params.from : params.to](store::Transaction& tx) {
      return store::SetInstancePatch(tx, cluster, instance, patch);
    };
  }
};

class RecordRolePatches : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<RolePatchParams>(context));
    return Set(context, params.from, params.to);
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<RolePatchParams>(context));
    return Set(context, params.to, params.from);
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  static StepResult Set(const StepContext& context, const std::map<std::string, std::string>& from,
                        const std::map<std::string, std::string>& to) {
    std::map<std::string, std::string> wanted = to;
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

class DropPatches : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<DropPatchParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    RETURN_IF_ERROR(DropUnused(resources(), context, {params.patches.begin(), params.patches.end()},
                               {record.cluster.version}));
    return StepResult{};
  }
};

class Free : public ReadOnlyRunner {
 public:
  using ReadOnlyRunner::ReadOnlyRunner;
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
