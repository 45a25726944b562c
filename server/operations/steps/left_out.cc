#include "server/operations/steps/left_out.h"

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/error.h"
#include "server/operations/plan/left_out.h"
#include "server/operations/steps/runner.h"
#include "server/operations/steps/units_runner.h"
#include "server/store/behind_store.h"
#include "server/store/cluster_store.h"
#include "server/store/patch_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

bool Or(pv1::Wanted wanted, bool otherwise) {
  return wanted == pv1::WANTED_UNSPECIFIED ? otherwise : wanted == pv1::WANTED_YES;
}

// Records what is to be of one instance.
absl::Status Put(store::Transaction& tx, const std::string& cluster,
                 const pv1::LeaveOutResult::Instance& instance) {
  RETURN_IF_ERROR(store::SetWantedRunning(tx, cluster, {instance.name()}, instance.running()));
  RETURN_IF_ERROR(store::SetWantedEnabled(tx, cluster, {instance.name()}, instance.enabled()));
  return store::SetInstancePatch(tx, cluster, instance.name(), instance.patch());
}

// Changes the record only: the hosts cannot be reached.
class LeaveOut : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto params, ParamsOf<pv1::LeaveOutParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    ASSIGN_OR_RETURN(const auto instances, InstancesOf(record.cluster, context));
    pv1::LeaveOutResult before;
    for (const auto* instance : instances) {
      auto* out = before.add_instances();
      out->set_name(instance->name);
      out->set_running(instance->wanted_running);
      out->set_enabled(instance->wanted_enabled);
      out->set_patch(instance->patch);
    }
    StepResult result;
    result.result_json = StepJson(before);
    result.commit = [cluster = record.cluster.name, params, before,
                     id = context.operation().operation.operation_id()](
                        store::Transaction& tx) -> absl::Status {
      for (const auto& machine : params.machines()) {
        v1::SkippedMachine skipped;
        skipped.set_machine_id(machine.machine_id());
        skipped.set_reason(machine.reason());
        RETURN_IF_ERROR(store::InsertBehind(tx, cluster, id, skipped));
      }
      for (pv1::LeaveOutResult::Instance instance : before.instances()) {
        instance.set_running(Or(params.running(), instance.running()));
        instance.set_enabled(Or(params.enabled(), instance.enabled()));
        if (params.sets_patch()) instance.set_patch(params.patch());
        RETURN_IF_ERROR(Put(tx, cluster, instance));
      }
      return absl::OkStatus();
    };
    return result;
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto before, OwnResult<pv1::LeaveOutResult>(context));
    // One that was not committed recorded nothing.
    if (!before.has_value()) return StepResult{};
    StepResult result;
    result.commit = [cluster = context.operation().operation.cluster_name(), before = *before,
                     id = context.operation().operation.operation_id()](
                        store::Transaction& tx) -> absl::Status {
      for (const auto& instance : before.instances()) {
        RETURN_IF_ERROR(Put(tx, cluster, instance));
      }
      return store::DeleteBehindOf(tx, cluster, id);
    };
    return result;
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }
};

}  // namespace

void RegisterLeftOutRunner(const Resources* resources, engine::Registry* registry) {
  registry->Add(kLeaveOut, std::make_unique<LeaveOut>(resources));
}

}  // namespace dmgr::operations
