// The configuration that a cluster is to have: columns of "cluster_meta" and "cluster_topology".
#ifndef DMGR_SERVER_STORE_CLUSTER_CONFIG_STORE_H_
#define DMGR_SERVER_STORE_CLUSTER_CONFIG_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/topology.pb.h"
#include "server/store/database.h"
#include "server/topology/topology.h"

namespace dmgr::store {

// Stores what awaits a reload, in place of what did, and which instances are other ones by it.
// FAILED_PRECONDITION, CLUSTER_BUSY, when an operation holds the cluster: it may be bringing the
// last one to the hosts.
absl::Status SetPending(Transaction& tx, const std::string& cluster, const v1::Topology& shown,
                        const std::string& sealed, const std::vector<std::string>& needs_reload);
// Nothing awaits a reload. Errors as of SetPending.
absl::Status DropPending(Transaction& tx, const std::string& cluster);
// For the operation that has brought it to the hosts.
absl::Status EndPending(Transaction& tx, const std::string& cluster);

// The topology of a cluster whose secrets were given up was given again.
absl::Status SetSecretsGiven(Transaction& tx, const std::string& cluster,
                             const std::string& sealed_grafana_password);

// These await a reload, and no others.
absl::Status SetNeedsReload(Transaction& tx, const std::string& cluster,
                            const std::vector<std::string>& instances);

// By which addresses the instances on a machine are known, the cluster's own and the borrowed ones.
absl::Status SetAddresses(Transaction& tx, const topology::Cluster& cluster,
                          const std::string& machine_id);

// What can be changed of an instance that exists; it does not await a reload any more.
absl::Status SetInstanceConfig(Transaction& tx, const std::string& cluster,
                               const topology::Instance& instance);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_CLUSTER_CONFIG_STORE_H_
