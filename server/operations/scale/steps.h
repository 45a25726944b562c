// What the steps of scale-out and scale-in share. Private to this room.
#ifndef DMGR_SERVER_OPERATIONS_SCALE_STEPS_H_
#define DMGR_SERVER_OPERATIONS_SCALE_STEPS_H_

#include <string>
#include <vector>

#include "server/engine/runner.h"
#include "server/operations/scale/plan.h"
#include "server/operations/steps/runner.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// What the steps work with.
struct ScaleInput {
  pv1::ScaleParams params;
  store::ClusterRecord record;
  // The instances that the step is about, as far as they are still recorded.
  std::vector<const topology::Instance*> Concerned() const;
  // The same by their names, recorded or not.
  std::vector<std::string> Names() const;
  // All instances that the operation adds or takes away, by their names.
  std::vector<std::string> AllNames() const;
  // The dm-masters that the operation takes away, in their order.
  std::vector<const topology::Instance*> LeavingMasters() const;
};
absl::StatusOr<ScaleInput> LoadScale(const Resources& resources, engine::StepContext& context);

// Commits that the cluster is without these instances.
engine::StepResult Drop(const Resources& resources, const std::string& cluster,
                        const std::vector<std::string>& instances);
void RegisterScaleInRunners(const Resources* resources, engine::Registry* registry);
void RegisterReaddressRunner(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SCALE_STEPS_H_
