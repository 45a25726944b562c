// What a call by hand is for: instances of a cluster, and the hosts that they are on.
#ifndef DMGR_SERVER_INSTANCES_TARGETS_H_
#define DMGR_SERVER_INSTANCES_TARGETS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/instance_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::instances {

struct Targets {
  store::ClusterRecord record;
  // Those that were selected.
  std::vector<topology::Instance> instances;
  // Theirs, each once, in the order of the instances.
  std::vector<v1::StreamHost> hosts;

  // Place in hosts of an instance's.
  std::size_t HostOf(const topology::Instance& instance) const;
};

// INVALID_ARGUMENT tells of all that the cluster does not have; NOT_FOUND when there is none.
absl::StatusOr<Targets> FindTargets(const Resources& resources, const std::string& cluster_name,
                                    const v1::Selection& selection);
absl::StatusOr<Targets> FindTargets(const Resources& resources, const std::string& cluster_name,
                                    const v1::HostSelection& where);

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_TARGETS_H_
