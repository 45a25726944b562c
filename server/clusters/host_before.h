// What was on a host before dmgr changed anything for a cluster: what undo and destroy go by. Pure.
#ifndef DMGR_SERVER_CLUSTERS_HOST_BEFORE_H_
#define DMGR_SERVER_CLUSTERS_HOST_BEFORE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/host/v1/host.pb.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

namespace hv1 = ::dmgr::host::v1;

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

// The first record of a host with what was seen before more instances came.
HostBefore Merge(const HostBefore& first, const HostBefore& later);

// What of a record still matters to the instances that are left on the machine.
HostBefore Reduce(const HostBefore& before, const topology::Cluster& left,
                  const std::string& machine_id);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_HOST_BEFORE_H_
