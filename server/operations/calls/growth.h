// A cluster with instances that are being added to it, also in the place of others.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_GROWTH_H_
#define DMGR_SERVER_OPERATIONS_CALLS_GROWTH_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/operations/calls/change.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/moved.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

struct Grown {
  // The cluster as it will be.
  store::ClusterRecord record;
  // Its new instances; also in the record, where they are joining.
  topology::Cluster fresh;
  v1::Package package;
  // Machine id -> identity.
  std::vector<std::pair<std::string, std::string>> identities;
};

// What an operation with new instances asks of hosts: whoever is added need not be known to every
// host at once.
HostRules HostsAroundGrowth();

// The cluster of the record with what a topology adds; `problems` gets all that is wrong with the
// addition, and then the rest is not to be used.
absl::StatusOr<Grown> Grow(const Resources& resources, const store::ClusterRecord& record,
                           const v1::Topology& asked, std::vector<topology::Problem>* problems);

// A machine whose instances come up on another one.
struct Replaced {
  std::string from;
  std::string to;
  // By which the others reach the new one; empty: as dmgrd does.
  std::string address{};
};

// The cluster has something on the machine. INVALID_ARGUMENT, of the request's `field`.
absl::Status RequireOn(const topology::Cluster& cluster, const std::string& machine,
                       const std::string& field);

// Where that machine is. NOT_FOUND.
absl::StatusOr<topology::NewPlace> PlaceOn(const Resources& resources, const std::string& machine,
                                           const std::string& address);

// The cluster of the record with what is on the old machines on the new ones, too, with its patches
// and its wanted start at boot. FAILED_PRECONDITION, HOST_CONFLICT, when these cannot take it.
absl::StatusOr<Grown> GrowInPlaceOf(const Resources& resources, const store::ClusterRecord& record,
                                    const std::vector<Replaced>& replaced);

// Whoever joins must find it running. FAILED_PRECONDITION, CLUSTER_OFFLINE.
absl::Status RequireRunning(const store::ClusterRecord& record);

// The hosts of the new instances are free, the others do not stand in the way. reached: the members
// on hosts that answer. Reads only.
absl::Status LookAtHosts(const Resources& resources, const Grown& grown,
                         const topology::Cluster& reached);

// FAILED_PRECONDITION, DM_NOT_HEALTHY: DM takes nobody new now.
absl::Status NotReady(const std::string& cluster, const std::string& why);

// Stores the new instances with the cluster.
absl::Status StoreGrown(store::Transaction& tx, const Grown& grown);

// The same with the patches of those in whose place they are.
absl::Status StoreInPlaceOf(store::Transaction& tx, const Grown& grown);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_GROWTH_H_
