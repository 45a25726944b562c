// Where a cluster's things go on a host. Pure.
#ifndef DMGR_SERVER_CLUSTERS_PLACEMENT_H_
#define DMGR_SERVER_CLUSTERS_PLACEMENT_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/host/v1/host.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace hv1 = ::dmgr::host::v1;

// The directories of an instance, outer ones first.
std::vector<std::string> DirsOf(const topology::Instance& instance);
// The same for all instances of the cluster on a machine, as the far end makes them.
std::vector<hv1::Dir> DirsToMake(const topology::Cluster& cluster, const std::string& machine_id);

// The package's part for a component, or nullptr.
const v1::PackageComponent* FindComponent(const v1::Package& package, std::string_view component);

// Where the files of an instance's release go, with the program of its patch if it has one: this is
// what says which binary an instance gets.
std::vector<hv1::Placement> PlacementsOf(const topology::Instance& instance,
                                         const v1::PackageComponent& release);

// What the monitoring's own programs say of its rendered files, where the package has them:
// promtool and amtool. store_dir: where the release is on the host.
std::vector<hv1::CheckFile> ChecksOf(const topology::Cluster& cluster,
                                     const topology::Instance& instance,
                                     const v1::PackageComponent& release,
                                     const std::string& store_dir);

// What was on a host before dmgr changed anything for a cluster; HostRecord.before_json.
struct HostBefore {
  bool user_existed = false;
  bool group_existed = false;
  // Paths of DirsOf, and ancestors of them, that did not exist.
  std::vector<std::string> absent;
  // Deploy directory -> release store on its file system.
  std::map<std::string, std::string> stores;
};
HostBefore MakeBefore(const topology::Cluster& cluster, const std::string& machine_id,
                      const hv1::InspectReply& seen);
std::string ToJson(const HostBefore& before);
absl::StatusOr<HostBefore> HostBeforeFromJson(const std::string& json);

// The question whose answer MakeBefore and Conflicts read.
hv1::Inspect InspectionOf(const topology::Cluster& cluster, const std::string& machine_id);
// What stands in the way of a deploy on a host, one sentence each: ports in use, directories with
// foreign content, foreign units, a user that is missing.
std::vector<std::string> DeployConflicts(const topology::Cluster& cluster,
                                         const std::string& machine_id,
                                         const hv1::InspectReply& seen);
// What stands in the way of a start: ports of the instances that somebody else listens on.
std::vector<std::string> StartConflicts(const std::vector<const topology::Instance*>& instances,
                                        const hv1::InspectReply& seen);

// What a destroy removes from a host, by record.
hv1::RemoveCluster RemovalOf(const topology::Cluster& cluster, const std::string& machine_id,
                             const HostBefore& before, const std::string& public_key);

// The same for some instances of the cluster: what the others on the host need stays.
hv1::RemoveCluster PartialRemovalOf(const topology::Cluster& cluster,
                                    const topology::Cluster& leaving, const std::string& machine_id,
                                    const HostBefore& before, const std::string& public_key,
                                    const v1::Package& package);
// The first record of a host with what was seen before more instances came.
HostBefore Merge(const HostBefore& first, const HostBefore& later);
// What of a record still matters to the instances that are left on the machine.
HostBefore Reduce(const HostBefore& before, const topology::Cluster& left,
                  const std::string& machine_id);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_CLUSTERS_PLACEMENT_H_
