#include "server/operations/reload/reload.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "common/steady_time.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/desired.h"
#include "server/clusters/record.h"
#include "server/machines/access.h"
#include "server/machines/each.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/loads.h"
#include "server/operations/calls/reach.h"
#include "server/operations/calls/require.h"
#include "server/operations/calls/supersede.h"
#include "server/operations/reload/plan.h"
#include "server/operations/steps/host_files.h"
#include "server/render/render.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

using topology::Instance;
using Instances = std::vector<const Instance*>;

// The instances among these whose files differ from those on their hosts.
absl::StatusOr<Instances> Differing(const Resources& resources, const store::ClusterRecord& record,
                                    const Instances& instances) {
  ASSIGN_OR_RETURN(const auto desired, clusters::DesiredRecord(resources, record));
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(clusters::ClusterTree(record)));
  std::vector<std::string> machines;
  for (const auto& machine : record.cluster.MachineIds()) {
    for (const auto* instance : instances) {
      if (instance->machine_id != machine) continue;
      machines.push_back(machine);
      break;
    }
  }
  std::mutex mutex;
  std::set<std::string> differing;
  const auto look = [&](const std::string& machine) -> absl::Status {
    ASSIGN_OR_RETURN(auto access, machines::LoadAccess(resources, machine));
    host::CallOptions options;
    options.deadline = SteadyNow() + machines::kHostLookTimeout;
    ASSIGN_OR_RETURN(auto far_end, machines::OpenReader(resources, access, options.deadline));
    for (const auto* instance : instances) {
      if (instance->machine_id != machine) continue;
      ASSIGN_OR_RETURN(const auto wanted,
                       WantedFilesOf(resources, record, desired, instance->name, files));
      ASSIGN_OR_RETURN(const auto difference,
                       DifferenceOf(record.cluster, wanted, [&](hv1::ToHost request) {
                         return far_end->Call(std::move(request), options);
                       }));
      const std::lock_guard lock(mutex);
      if (!difference.paths.empty()) differing.insert(instance->name);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(machines::CombineHosts(machines::InParallel(resources.threads, machines, look)));
  Instances found;
  for (const auto* instance : instances) {
    if (differing.contains(instance->name)) found.push_back(instance);
  }
  return found;
}

// What is on machines that are brought to the record first differs from the new configuration when
// its turn comes, whatever is there now.
void AddThoseOf(const std::vector<std::string>& machines, const Instances& instances,
                Instances* differing) {
  for (const auto* instance : instances) {
    const bool comes_back =
        std::find(machines.begin(), machines.end(), instance->machine_id) != machines.end();
    const bool known =
        std::find(differing->begin(), differing->end(), instance) != differing->end();
    if (comes_back && !known) differing->push_back(instance);
  }
}

}  // namespace

absl::StatusOr<v1::Operation> ReloadCluster(const Resources& resources,
                                            const v1::ReloadClusterRequest& request,
                                            const Caller& caller) {
  Reload reload;
  HostRules hosts = {
      .skip_unreachable = request.skip_unreachable(),
      .skipping = Skipping(v1::ACTION_RELOAD_CLUSTER, request.cluster_name(), request.selection()),
      .behind = Behind::kIsRepaired,
      .accepts_load_restart = request.accept_load_restart()};
  ChangeRules rules;
  rules.selection = &request.selection();
  rules.hosts = &hosts;
  rules.supersedes = [&](const Subject& subject) {
    return request.skip_unreachable() && IsHeldBy(resources, subject, {v1::OPERATION_KIND_RELOAD});
  };
  rules.require = [&](const Subject& subject) -> absl::Status {
    reload.running = subject.record.state == v1::CLUSTER_STATE_UP;
    hosts.needs_majority = reload.running;
    for (const auto* instance : subject.instances) {
      RETURN_IF_ERROR(clusters::CheckSecrets(subject.record, *instance));
    }
    return RequireAllJoined(subject.record);
  };
  rules.look = [&](const Subject& subject) -> absl::Status {
    ASSIGN_OR_RETURN(reload.differing, Differing(resources, subject.record, subject.instances));
    AddThoseOf(subject.come_back, subject.instances, &reload.differing);
    if (!reload.running) return absl::OkStatus();
    return CheckLoads(resources, hosts, subject.record.cluster, reload.differing);
  };
  rules.plan = [&](const Subject& subject) {
    reload.selected = subject.instances;
    const auto& left_out = subject.left_out.instances;
    reload.selected.insert(reload.selected.end(), left_out.begin(), left_out.end());
    reload.etag = clusters::ConfigEtag(subject.record);
    reload.max_parallel = request.max_parallel();
    reload.spares_no_majority = LacksMaster(subject);
    reload.accepts_load_restart = request.accept_load_restart();
    return PlanReload(subject.record.cluster, reload);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
