// The steps of a new key.
#include <memory>
#include <string>
#include <utility>

#include "common/error.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/cluster_key.h"
#include "server/engine/runner.h"
#include "server/operations/rotate_key/plan.h"
#include "server/operations/rotate_key/rotate_key.h"
#include "server/operations/steps/install.h"
#include "server/operations/steps/runner.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using engine::StepResult;

// Leaves the cluster's user on the step's host this one of the cluster's keys.
absl::Status LeaveOnly(const Resources& resources, StepContext& context,
                       const pv1::ClusterKey& key) {
  ASSIGN_OR_RETURN(const auto record, LoadCluster(resources, context));
  hv1::ToHost request;
  *request.mutable_drop_old_keys() = OldKeysOf(record.cluster, key.public_key());
  return Hosts(context).Call(context, std::move(request)).status();
}

class AddKey : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto keys, ParamsOf<pv1::RotateKeyParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    hv1::ToHost request;
    *request.mutable_ensure_account() = AccountOf(record.cluster, keys.next().public_key());
    RETURN_IF_ERROR(Hosts(context).Call(context, std::move(request)).status());
    return StepResult{};
  }
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto keys, ParamsOf<pv1::RotateKeyParams>(context));
    RETURN_IF_ERROR(LeaveOnly(resources(), context, keys.previous()));
    return StepResult{};
  }
  absl::StatusOr<bool> IsDone(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto keys, ParamsOf<pv1::RotateKeyParams>(context));
    ASSIGN_OR_RETURN(const auto record, LoadCluster(resources(), context));
    hv1::ToHost request;
    request.mutable_survey()->set_user(record.cluster.user);
    request.mutable_survey()->set_public_key(
        clusters::LoginLine(record.cluster, keys.next().public_key()));
    ASSIGN_OR_RETURN(const auto reply, Hosts(context).Call(context, std::move(request)));
    return reply.survey().account().has_key();
  }
};

// In the record, and in the cluster's folder on dmgrd's machine.
class RecordKey : public Runner {
 public:
  using Runner::Runner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto keys, ParamsOf<pv1::RotateKeyParams>(context));
    return Set(context, keys.next());
  }
  // Whatever of it was done: the plan knows what was before.
  absl::StatusOr<StepResult> Undo(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto keys, ParamsOf<pv1::RotateKeyParams>(context));
    return Set(context, keys.previous());
  }
  absl::StatusOr<bool> IsDone(StepContext&) override { return true; }

 private:
  absl::StatusOr<StepResult> Set(StepContext& context, const pv1::ClusterKey& key) {
    ASSIGN_OR_RETURN(auto record, LoadCluster(resources(), context));
    record.public_key = key.public_key();
    record.sealed_private_key = key.sealed_private_key();
    RETURN_IF_ERROR(clusters::WriteClusterKey(record));
    StepResult result;
    result.commit = [cluster = record.cluster.name, key](store::Transaction& tx) {
      return store::SetClusterKey(tx, cluster, key.public_key(), key.sealed_private_key());
    };
    return result;
  }
};

class DropKeys : public NoReturnRunner {
 public:
  using NoReturnRunner::NoReturnRunner;
  absl::StatusOr<StepResult> Run(StepContext& context) override {
    ASSIGN_OR_RETURN(const auto keys, ParamsOf<pv1::RotateKeyParams>(context));
    RETURN_IF_ERROR(LeaveOnly(resources(), context, keys.next()));
    return StepResult{};
  }
};

}  // namespace

void RegisterRotateKeyRunners(const Resources* resources, engine::Registry* registry) {
  registry->Add(kAddKey, std::make_unique<AddKey>(resources));
  registry->Add(kRecordKey, std::make_unique<RecordKey>(resources));
  registry->Add(kDropKeys, std::make_unique<DropKeys>(resources));
}

}  // namespace dmgr::operations
