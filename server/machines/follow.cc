#include "server/machines/follow.h"

#include <algorithm>

#include "common/error.h"
#include "server/store/cluster_config_store.h"
#include "server/store/cluster_store.h"
#include "server/store/operation_store.h"
#include "server/topology/moved.h"

namespace dmgr::machines {
namespace {

// What awaits a reload names the machine as it was.
absl::Status CheckNothingPending(const store::ClusterRecord& record, const std::string& machine) {
  if (!record.pending_topology.has_value()) return absl::OkStatus();
  const std::string& name = record.cluster.name;
  return Error(absl::StatusCode::kFailedPrecondition, "RELOAD_PENDING",
               "cluster {} has a changed configuration that its hosts do not have yet, and that "
               "has machine {} where it was",
               name, machine)
      .With("cluster", name)
      .With("machine", machine)
      .Remedy("bring it there, or drop it, then change the machine")
      .Next(v1::ACTION_RELOAD_CLUSTER, {{"cluster_name", name}})
      .Next(v1::ACTION_DISCARD_PENDING_TOPOLOGY, {{"cluster_name", name}});
}

absl::Status FollowIn(store::Transaction& tx, const std::string& cluster,
                      const topology::NewAccess& access) {
  RETURN_IF_ERROR(store::LockCluster(tx, cluster));
  ASSIGN_OR_RETURN(auto record, store::GetCluster(tx, cluster));
  if (!topology::ReachAt(access, &record.cluster, &record.topology)) return absl::OkStatus();
  // One that has failed reads the record anew when it is resumed.
  RETURN_IF_ERROR(store::CheckFree(tx, cluster, /*supersede=*/true));
  RETURN_IF_ERROR(CheckNothingPending(record, access.machine_id));
  RETURN_IF_ERROR(store::SetAddresses(tx, record.cluster, access.machine_id));
  return store::SetTopology(tx, cluster, record.topology, record.sealed_options);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FollowMachine(store::Transaction& tx,
                                                       const v1::Machine& former,
                                                       const v1::Machine& now) {
  std::vector<std::string> behind;
  if (former.host() == now.host() && former.ssh_port() == now.ssh_port()) return behind;
  topology::NewAccess access;
  access.machine_id = now.machine_id();
  access.former_host = former.host();
  access.host = now.host();
  access.ssh_port = static_cast<int>(now.ssh_port());
  ASSIGN_OR_RETURN(const auto clusters, store::ClustersOn(tx, now.machine_id()));
  for (const std::string& cluster : clusters) {
    RETURN_IF_ERROR(FollowIn(tx, cluster, access));
    ASSIGN_OR_RETURN(const auto record, store::GetCluster(tx, cluster));
    const auto here = record.cluster.OnMachine(now.machine_id());
    const bool knows_former = std::ranges::any_of(here, [&](const topology::Instance* one) {
      return one->host == former.host() && one->host != now.host();
    });
    if (knows_former) behind.push_back(cluster);
  }
  return behind;
}

}  // namespace dmgr::machines
