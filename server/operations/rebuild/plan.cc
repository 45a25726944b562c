#include "server/operations/rebuild/plan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/operations/plan/founding.h"
#include "server/operations/plan/left_out.h"
#include "server/operations/plan/step_json.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;

pv1::RebuildParams CopyBy(std::int64_t copy_id) {
  pv1::RebuildParams params;
  params.set_copy_id(copy_id);
  return params;
}

bool IsMaster(const Instance* one) { return one->component == Component::kDmMaster; }

// Appends the end of what is left of DM.
std::vector<std::string> AddEnd(engine::Plan* plan, const topology::Cluster& cluster,
                                const Instances& ending, std::vector<std::string> last) {
  last = AddUnitSurveys(plan, cluster, ending, last);
  last = AddEachMachine(plan, cluster, ending, {.what = "tell", .title = "tell {} to stop"},
                        kTellStop, last);
  return AddEachMachine(plan, cluster, ending, {.what = "end", .title = "see {} end"}, kEndToStart,
                        last);
}

void AddRecord(engine::Plan* plan, std::vector<std::string> last) {
  plan->steps.push_back(
      RecordStep("record", v1::CLUSTER_STATE_UP, "record the cluster as up", std::move(last)));
}

// What of the cluster is DM's, and stays or ends on hosts that answer.
struct Parties {
  Instances ending;
  Instances staying;
  Instances added;
};

Parties PartiesOf(const topology::Cluster& cluster, const Replacing& replacing) {
  Parties parties;
  parties.added = Joining(cluster);
  const auto leaving = NamesOf(replacing.away.leaving);
  for (const auto& one : cluster.instances) {
    const bool is_new = one.membership == topology::Membership::kJoining;
    if (is_new || !one.IsDm() || replacing.away.unreachable.contains(one.machine_id)) continue;
    parties.ending.push_back(&one);
    if (std::ranges::find(leaving, one.name) == leaving.end()) parties.staying.push_back(&one);
  }
  return parties;
}

// Appends the record of what is new, but for dm-masters, as a part of the cluster.
std::vector<std::string> AddAdmit(engine::Plan* plan, const Instances& added,
                                  const pv1::ScaleParams& params, std::vector<std::string> last) {
  Instances admitted = added;
  std::erase_if(admitted, IsMaster);
  if (admitted.empty()) return last;
  auto step = ControlStep("admit", "record the others that are new as a part of it", kAdmit,
                          std::move(last));
  step.payload_json = AboutSome(NamesOf(admitted), params);
  step.point_of_no_return = true;
  plan->steps.push_back(std::move(step));
  return {"admit"};
}

}  // namespace

engine::Plan PlanRebuild(const topology::Cluster& cluster, const Instances& instances,
                         std::int64_t copy_id) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_REBUILD, cluster);
  NewDm begin{.masters = instances, .workers = instances, .copy = CopyBy(copy_id)};
  std::erase_if(begin.masters, [](const Instance* one) { return !IsMaster(one); });
  std::erase_if(begin.workers, IsMaster);
  auto last =
      AddCopyStep(&plan, "copy", "see that the copy can be read", kCheckCopy, CopyBy(copy_id), {});
  last = AddEnd(&plan, cluster, instances, last);
  last = AddClean(&plan, cluster, begin.masters, {.data = true}, last);
  begin.masters_after = AddFounding(&plan, cluster, begin.masters, last);
  AddRecord(&plan, AddNewDm(&plan, cluster, begin));
  return plan;
}

engine::Plan PlanRestore(const topology::Cluster& cluster, const Instances& instances,
                         const Restoring& restoring) {
  engine::Plan plan = PlanRebuild(cluster, instances, restoring.copy_id);
  plan.kind = v1::OPERATION_KIND_RESTORE;
  pv1::RestoreParams params;
  params.set_copy_id(restoring.copy_id);
  params.set_user_name(restoring.user_name);
  auto keep = ControlStep("keep", "keep what the backup has", kKeepCopy, {});
  keep.payload_json = StepJson(params);
  keep.done = true;
  PutInFront(&plan, {keep}, {keep.id});
  auto records = ControlStep("records", restoring.words, kRecordRestored, {"put-back"});
  records.payload_json = StepJson(params);
  records.point_of_no_return = true;
  plan.steps.back().depends_on.push_back(records.id);
  plan.steps.insert(plan.steps.end() - 1, std::move(records));
  return plan;
}

engine::Plan PlanRebuildElsewhere(const topology::Cluster& cluster, const Replacing& replacing) {
  engine::Plan plan = NewPlan(v1::OPERATION_KIND_REBUILD, cluster);
  const Parties parties = PartiesOf(cluster, replacing);
  const topology::Cluster rest = topology::Without(cluster, NamesOf(replacing.away.leaving));
  auto last = AddCopyStep(&plan, "copy", "see that the copy can be read", kCheckCopy,
                          CopyBy(replacing.copy_id), {});
  const auto coming = AboutThese(parties.added);
  const auto ready = AddNew(&plan, cluster, replacing.package, parties.added, coming);
  last.insert(last.end(), ready.begin(), ready.end());
  last = AddEnd(&plan, cluster, parties.ending, last);
  last = AddRemovals(&plan, cluster, replacing.away, AboutLeaving(replacing.away), last);
  Instances cleaned = parties.staying;
  std::erase_if(cleaned, [](const Instance* one) { return !IsMaster(one); });
  last = AddClean(&plan, cluster, cleaned, {.data = true}, last);
  NewDm begin{.masters = cleaned, .workers = parties.staying, .copy = CopyBy(replacing.copy_id)};
  std::erase_if(begin.workers, IsMaster);
  Instances monitoring;
  for (const auto* one : parties.added) {
    auto& side = IsMaster(one) ? begin.masters : one->IsDm() ? begin.workers : monitoring;
    side.push_back(one);
  }
  begin.masters_after = AddFounding(&plan, rest, begin.masters, last);
  pv1::ScaleParams changed = coming;
  Instances all = parties.added;
  all.insert(all.end(), replacing.away.leaving.begin(), replacing.away.leaving.end());
  for (auto& component : ToRestart(all)) changed.add_restart(std::move(component));
  begin.workers_after = AddRewrite(&plan, rest, replacing.away.unreachable, changed,
                                   AddAdmit(&plan, parties.added, coming, begin.masters_after));
  auto up = AddNewDm(&plan, cluster, begin);
  const auto shown = AddWaves(&plan, cluster, monitoring, StartWaves(), kStart,
                              "start, with empty data,", begin.workers_after);
  up.insert(up.end(), shown.begin(), shown.end());
  AddRecord(&plan, std::move(up));
  return plan;
}

}  // namespace dmgr::operations
