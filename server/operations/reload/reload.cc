#include "server/operations/reload/reload.h"

#include <mutex>
#include <set>

#include "absl/time/clock.h"
#include "server/clusters/desired.h"
#include "server/machines/access.h"
#include "server/operations/calls/preflight.h"
#include "server/operations/calls/submit.h"
#include "server/operations/reload/plan.h"
#include "server/operations/steps/host_files.h"

namespace dmgr::operations {
namespace {

using topology::Instance;
using Instances = std::vector<const Instance*>;

// Of these, the instances whose files differ from those on their hosts.
absl::StatusOr<Instances> Differing(const Services& services, const store::ClusterRecord& record,
                                    const Instances& instances) {
  ASSIGN_OR_RETURN(const auto desired, DesiredRecord(services, record));
  ASSIGN_OR_RETURN(const auto files, render::LoadPackageFiles(ClusterTree(record)));
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
    ASSIGN_OR_RETURN(auto access, LoadAccess(services, machine));
    host::CallOptions options;
    options.deadline = absl::Now() + kHostLookTimeout;
    ASSIGN_OR_RETURN(auto far_end, OpenReader(services, access, options.deadline));
    for (const auto* instance : instances) {
      if (instance->machine_id != machine) continue;
      ASSIGN_OR_RETURN(const auto wanted,
                       WantedFilesOf(services, record, desired, instance->name, files));
      ASSIGN_OR_RETURN(const auto difference,
                       DifferenceOf(record.cluster, wanted, [&](hv1::ToHost request) {
                         return far_end->Call(std::move(request), options);
                       }));
      const std::lock_guard lock(mutex);
      if (!difference.paths.empty()) differing.insert(instance->name);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(CombineHosts(ForEachMachine(machines, look)));
  Instances found;
  for (const auto* instance : instances) {
    if (differing.contains(instance->name)) found.push_back(instance);
  }
  return found;
}

}  // namespace

absl::StatusOr<v1::Operation> ReloadCluster(const Services& services,
                                            const v1::ReloadClusterRequest& request,
                                            const Caller& caller) {
  ASSIGN_OR_RETURN(auto repeated, Repeated(services, request, caller));
  if (repeated.has_value()) return *repeated;
  ASSIGN_OR_RETURN(auto record, FindCluster(services, request.cluster_name()));
  RETURN_IF_ERROR(RequireDeployed(record));
  RETURN_IF_ERROR(RequireAllJoined(record));
  RETURN_IF_ERROR(OpenOptions(services, &record));
  Reload reload;
  ASSIGN_OR_RETURN(reload.selected, SelectInstances(record.cluster, request.selection()));
  reload.differing = reload.selected;
  reload.running = record.state == v1::CLUSTER_STATE_UP;
  reload.etag = ConfigEtag(record);
  // A cluster that another operation holds is not looked at: the store refuses it, by name.
  if (record.active_operation_id.empty()) {
    ASSIGN_OR_RETURN(reload.differing, Differing(services, record, reload.selected));
  }
  return Submit(services, request, caller, PlanReload(record.cluster, reload),
                /*supersede=*/false);
}

}  // namespace dmgr::operations
