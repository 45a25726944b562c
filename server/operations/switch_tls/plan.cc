#include "server/operations/switch_tls/plan.h"

#include <string>
#include <utility>

#include "server/operations/plan/carry_over.h"
#include "server/operations/plan/parts.h"
#include "server/operations/plan/step_json.h"
#include "server/operations/plan/whole_stop.h"

namespace dmgr::operations {
namespace {

using topology::Component;
using topology::Instance;
using Instances = std::vector<const Instance*>;

Instances OnlyOf(const Instances& instances, Component component) {
  Instances found;
  for (const auto* one : instances) {
    if (one->component == component) found.push_back(one);
  }
  return found;
}

// Appends what gives instances the other files, with what the steps are told.
std::vector<std::string> AddSwitches(engine::Plan* plan, const topology::Cluster& cluster,
                                     const Instances& instances, const EachStep& step,
                                     const char* runner, const pv1::TlsSwitch& change,
                                     const std::vector<std::string>& before) {
  const std::size_t first = plan->steps.size();
  auto last = AddEachMachine(plan, cluster, instances, step, runner, before);
  for (std::size_t i = first; i < plan->steps.size(); ++i) {
    pv1::TlsSwitch own = change;
    *own.mutable_instances() = NamesOn(plan->steps[i].host, instances).instances();
    plan->steps[i].payload_json = StepJson(own);
  }
  return last;
}

}  // namespace

std::string TlsDir(const Instance& instance) { return instance.deploy_dir + "/tls"; }

clusters::PathNeeds NeedsOfSwitch(const Instances& instances, const clusters::HostBefore& own,
                                  bool on) {
  clusters::PathNeeds needs;
  for (const auto* one : instances) {
    // What a takeover has kept of TiUP's certificates lies in the same folder.
    if (on && !one->tiup_shape) needs.absent.insert(TlsDir(*one));
    if (one->component == Component::kDmMaster) needs.movable.insert(one->data_dir);
  }
  for (const auto& path : own.absent) needs.absent.erase(path);
  return needs;
}

engine::Plan PlanSwitchTls(const topology::Cluster& cluster, const Instances& instances,
                           const pv1::TlsRound& round) {
  const bool on = !round.next().trusted().empty();
  engine::Plan plan =
      NewPlan(on ? v1::OPERATION_KIND_ENABLE_TLS : v1::OPERATION_KIND_DISABLE_TLS, cluster);
  const Instances masters = OnlyOf(instances, Component::kDmMaster);
  const Instances workers = OnlyOf(instances, Component::kDmWorker);
  Instances dm = masters;
  dm.insert(dm.end(), workers.begin(), workers.end());
  pv1::TlsSwitch change;
  *change.mutable_round() = round;
  for (const auto* master : masters) {
    if (master->membership == topology::Membership::kJoined) change.add_joined(master->name);
  }
  const EachStep files = {.what = "tls",
                          .title = on ? "give {} certificates" : "take the certificates from {}"};
  const EachStep scraping = {.what = "scrape",
                             .title = on ? "have {} ask over TLS" : "have {} ask without TLS"};

  auto last = AddUnitSurveys(&plan, cluster, instances, {});
  last = AddSwitches(&plan, cluster, on ? instances : masters,
                     {.what = "look", .title = "see that nothing is in the way at {}"}, kLookAside,
                     change, last);
  last = AddWorkersStop(&plan, cluster, workers, AfterStop::kStartsAgain, last);
  last = AddCopyStep(&plan, "copy", "copy what the dm-masters keep", kTakeCopy, {}, last);
  last = AddRestStop(&plan, cluster, masters, AfterStop::kStartsAgain, last);
  last =
      AddEachMachine(&plan, cluster, masters,
                     {.what = "aside", .title = "set the data of {} aside"}, kSetDataAside, last);
  last = AddSwitches(&plan, cluster, dm, files, kSwitchFiles, change, last);
  auto record = ControlStep(
      "tls", on ? "record that the cluster has TLS" : "record that the cluster has no TLS",
      kRecordSwitch, last);
  record.payload_json = StepJson(change);
  plan.steps.push_back(std::move(record));
  NewDm anew{.masters = masters, .workers = workers, .start = kStartAnew};
  anew.copy.set_copy_step("copy");
  anew.masters_after = {"tls"};
  last = AddNewDm(&plan, cluster, anew);
  // A Prometheus that does not answer keeps nobody down.
  last = AddSwitches(&plan, cluster, OnlyOf(instances, Component::kPrometheus), scraping,
                     kSwitchMonitoring, change, last);
  const std::size_t drops = plan.steps.size();
  AddEachMachine(&plan, cluster, masters,
                 {.what = "drop", .title = "remove the data that {} had before"}, kDropAside, last);
  for (std::size_t i = drops; i < plan.steps.size(); ++i) plan.steps[i].point_of_no_return = true;
  return plan;
}

}  // namespace dmgr::operations
