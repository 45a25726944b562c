#include "server/operations/plan/carry_over.h"

#include <utility>

#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {

std::vector<std::string> AddCopyStep(engine::Plan* plan, const std::string& id,
                                     const std::string& title, const char* runner,
                                     const pv1::RebuildParams& copy,
                                     std::vector<std::string> before) {
  auto step = ControlStep(id, title, runner, std::move(before));
  step.payload_json = StepJson(copy);
  plan->steps.push_back(std::move(step));
  return {id};
}

std::vector<std::string> AddNewDm(engine::Plan* plan, const topology::Cluster& cluster,
                                  const NewDm& dm) {
  auto last =
      AddWaves(plan, cluster, dm.masters, StartWaves(), dm.start, "start", dm.masters_after);
  last = AddCopyStep(plan, "put-back", "put back what the dm-masters kept", kPutBack, dm.copy,
                     std::move(last));
  last.insert(last.end(), dm.workers_after.begin(), dm.workers_after.end());
  last = AddWaves(plan, cluster, dm.workers, StartWaves(), dm.start, "start", std::move(last));
  last = AddCopyStep(plan, "read-back", "have a dm-master lead that reads it", kReadBack, dm.copy,
                     std::move(last));
  return AddCopyStep(plan, "bound", "wait until sources are bound and tasks are as they were",
                     kAwaitBound, dm.copy, std::move(last));
}

}  // namespace dmgr::operations
