#include "server/operations/reload/reload.h"

#include <mutex>
#include <set>

#include "absl/time/clock.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/clusters/desired.h"
#include "server/clusters/record.h"
#include "server/machines/access.h"
#include "server/machines/each.h"
#include "server/operations/calls/change.h"
#include "server/operations/calls/require.h"
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
    options.deadline = absl::Now() + machines::kHostLookTimeout;
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

}  // namespace

absl::StatusOr<v1::Operation> ReloadCluster(const Resources& resources,
                                            const v1::ReloadClusterRequest& request,
                                            const Caller& caller) {
  Reload reload;
  ChangeRules rules;
  rules.selection = &request.selection();
  rules.require = [](const Subject& subject) { return RequireAllJoined(subject.record); };
  rules.look = [&](const Subject& subject) -> absl::Status {
    ASSIGN_OR_RETURN(reload.differing, Differing(resources, subject.record, subject.instances));
    return absl::OkStatus();
  };
  rules.plan = [&](const Subject& subject) {
    reload.selected = subject.instances;
    reload.running = subject.record.state == v1::CLUSTER_STATE_UP;
    reload.etag = clusters::ConfigEtag(subject.record);
    reload.max_parallel = request.max_parallel();
    return PlanReload(subject.record.cluster, reload);
  };
  return Change(resources, request, caller, rules);
}

}  // namespace dmgr::operations
