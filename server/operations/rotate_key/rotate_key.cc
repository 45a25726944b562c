#include "server/operations/rotate_key/rotate_key.h"

#include "common/error.h"
#include "server/clusters/cluster_key.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/rotate_key/plan.h"

namespace dmgr::operations {
namespace {

pv1::ClusterKey KeyOf(const store::ClusterRecord& record) {
  pv1::ClusterKey key;
  key.set_public_key(record.public_key);
  key.set_sealed_private_key(record.sealed_private_key);
  return key;
}

}  // namespace

absl::StatusOr<v1::Operation> RotateClusterKey(const Resources& resources,
                                               const v1::RotateClusterKeyRequest& request,
                                               const Caller& caller) {
  const HostRules hosts = {
      .skip_unreachable = request.skip_unreachable(),
      .skipping = Skipping(v1::ACTION_ROTATE_CLUSTER_KEY, request.cluster_name())};
  ChangeRules rules;
  rules.members_only = true;
  rules.hosts = &hosts;
  // Of several new keys the last one stays.
  rules.supersedes = [&](const Subject& subject) {
    return request.skip_unreachable() &&
           IsHeldBy(resources, subject, {v1::OPERATION_KIND_ROTATE_KEY});
  };
  rules.plan = [&](const Subject& subject) -> absl::StatusOr<engine::Plan> {
    store::ClusterRecord renewed = subject.record;
    RETURN_IF_ERROR(clusters::MakeClusterKey(resources, &renewed));
    pv1::RotateKeyParams keys;
    *keys.mutable_previous() = KeyOf(subject.record);
    *keys.mutable_next() = KeyOf(renewed);
    return PlanRotateKey(Reached(subject), keys);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
