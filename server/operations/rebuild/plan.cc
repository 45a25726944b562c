#include "server/operations/rebuild/plan.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "server/operations/plan/founding.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;

// Appends a step that is about the copy.
std::vector<std::string> AddCopyStep(engine::Plan* plan, const std::string& id,
                                     const std::string& title, const char* runner,
                                     std::int64_t copy_id, std::vector<std::string> before) {
  pv1::RebuildParams params;
  params.set_copy_id(copy_id);
  auto step = ControlStep(id, title, runner, std::move(before));
  step.payload_json = StepJson(params);
  plan->steps.push_back(std::move(step));
  return {id};
}

}  // namespace

engine::Plan PlanRebuild(const topology::Cluster& cluster, const Instances& instances,
                         std::int64_t copy_id) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_REBUILD, cluster);
  Instances masters;
  Instances workers;
  std::partition_copy(instances.begin(), instances.end(), std::back_inserter(masters),
                      std::back_inserter(workers),
                      [](const Instance* i) { return i->component == Component::kDmMaster; });
  auto last = AddCopyStep(&plan, "copy", "see that the copy can be read", kCheckCopy, copy_id, {});
  last = AddUnitSurveys(&plan, cluster, instances, last);
  last = AddEachMachine(&plan, cluster, instances, {.what = "tell", .title = "tell {} to stop"},
                        kTellStop, last);
  last = AddEachMachine(&plan, cluster, instances, {.what = "end", .title = "see {} end"},
                        kEndToStart, last);
  last = AddClean(&plan, cluster, masters, {.data = true}, last);
  last = AddFounding(&plan, cluster, masters, last);
  last = AddWaves(&plan, cluster, masters, StartWaves(), kStart, "start", last);
  last =
      AddCopyStep(&plan, "put-back", "put back what the dm-masters kept", kPutBack, copy_id, last);
  last = AddWaves(&plan, cluster, workers, StartWaves(), kStart, "start", last);
  last = AddCopyStep(&plan, "read-back", "have a dm-master lead that reads it", kReadBack, copy_id,
                     last);
  last = AddCopyStep(&plan, "bound", "wait until sources are bound and tasks are as they were",
                     kAwaitBound, copy_id, last);
  plan.steps.push_back(
      RecordStep("record", v1::CLUSTER_STATE_UP, "record the cluster as up", std::move(last)));
  return plan;
}

}  // namespace dmgr::operations
