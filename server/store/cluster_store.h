// Tables "cluster_meta", "cluster_topology", "instance_port" and "cluster_host".
#ifndef DMGR_SERVER_STORE_CLUSTER_STORE_H_
#define DMGR_SERVER_STORE_CLUSTER_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/store/database.h"
#include "server/store/seen_clusters.h"
#include "server/topology/topology.h"

namespace dmgr::store {

struct ClusterRecord {
  topology::Cluster cluster;
  v1::ClusterState state = v1::CLUSTER_STATE_DEPLOYING;
  v1::ClusterOrigin origin = v1::CLUSTER_ORIGIN_UNSPECIFIED;
  // As asked for, without secrets.
  v1::Topology topology;
  // OpenSSH line of the cluster's own key.
  std::string public_key;
  std::string sealed_private_key;
  std::string sealed_grafana_password;
  // topology::OptionsOf the cluster, which is stored without them.
  std::string sealed_options;
  // Read only: what was sealed was given up with its key, and its topology was not given since.
  bool secrets_forgotten = false;
  // What only dmgrd knows of it: description and labels.
  std::string description;
  google::protobuf::Map<std::string, std::string> labels;
  absl::Time create_time;
  absl::Time update_time;
  // Read only: another one after every change of the cluster, its instances, its patches and its
  // hosts' records.
  std::int64_t revision = 0;
  // Read only: the operation that holds the cluster, or empty.
  std::string active_operation_id;
  // Read only, see cluster_config_store.h. What the hosts are to have beside topology, as it is
  // shown and sealed as a whole, and the instances that it makes other ones.
  std::optional<v1::Topology> pending_topology;
  std::string sealed_pending;
  std::vector<std::string> needs_reload;
  // Read only, see behind_store.h: by machine_id.
  std::vector<v1::BehindMachine> behind;
};

// What was on a host before dmgr changed anything for this cluster, and what dmgr made: written
// by the step that looked, before the first change; undo and destroy read nothing else.
struct HostRecord {
  std::string machine_id;
  // JSON of operations::HostBefore.
  std::string before_json;
};

// Inserts cluster, instances and their ports, and what it borrows. identities: machine id -> host
// identity. The unique index on (identity, port) refuses what a concurrent deploy took:
// ALREADY_EXISTS, naming it.
absl::Status InsertCluster(Transaction& tx, const ClusterRecord& record,
                           const std::vector<std::pair<std::string, std::string>>& identities);
absl::StatusOr<ClusterRecord> GetCluster(Transaction& tx, const std::string& name);
// By name, after `after_name`, at most limit.
absl::StatusOr<std::vector<ClusterRecord>> ListClusters(Transaction& tx,
                                                        const std::string& after_name, int limit,
                                                        const SeenClusters& seen = std::nullopt);
// Names of those with instances on the machine, in their order.
absl::StatusOr<std::vector<std::string>> ClustersOn(Transaction& tx, const std::string& machine_id);
absl::Status SetClusterState(Transaction& tx, const std::string& name, v1::ClusterState state);
// Sets description and labels. NOT_FOUND.
absl::Status SetClusterLabels(Transaction& tx, const ClusterRecord& record);
absl::Status SetClusterOrigin(Transaction& tx, const std::string& name, v1::ClusterOrigin origin);
absl::Status SetClusterVersion(Transaction& tx, const std::string& name,
                               const std::string& version);
absl::Status SetClusterKey(Transaction& tx, const std::string& name, const std::string& public_key,
                           const std::string& sealed_private_key);
absl::Status SetClusterTls(Transaction& tx, const std::string& name, const topology::Tls& tls);
// A cluster that is locked, with all its rows but its operations; renamed: with its new name and
// the former ones. ALREADY_EXISTS, CLUSTER_EXISTS.
absl::Status RenameCluster(Transaction& tx, const std::string& name,
                           const topology::Cluster& renamed);
// With all its rows but its operations, which stay as history.
absl::Status DeleteCluster(Transaction& tx, const std::string& name);

// Adds instances behind those that are there, as InsertCluster does.
absl::Status InsertInstances(Transaction& tx, const std::string& cluster,
                             const std::vector<topology::Instance>& instances,
                             const std::vector<std::pair<std::string, std::string>>& identities);
// Until the transaction ends nobody else changes the cluster's row.
absl::Status LockCluster(Transaction& tx, const std::string& name);
// The same of a cluster that was read before: ABORTED, CLUSTER_CHANGED, when its revision is
// another one, or it is another cluster of the same name; NOT_FOUND when it is gone.
absl::Status LockUnchanged(Transaction& tx, const ClusterRecord& read);
absl::Status SetMembership(Transaction& tx, const std::string& cluster,
                           const std::vector<std::string>& instances,
                           topology::Membership membership);
// What is wanted of instances from now on.
absl::Status SetWantedRunning(Transaction& tx, const std::string& cluster,
                              const std::vector<std::string>& instances, bool running);
absl::Status SetWantedEnabled(Transaction& tx, const std::string& cluster,
                              const std::vector<std::string>& instances, bool enabled);
// With their ports; a machine that has none left is not behind any more.
absl::Status DeleteInstances(Transaction& tx, const std::string& cluster,
                             const std::vector<std::string>& instances);
absl::Status SetTopology(Transaction& tx, const std::string& cluster, const v1::Topology& topology,
                         const std::string& sealed_options);

// Of all clusters, for the conflict checks of a deploy.
absl::StatusOr<std::vector<topology::Occupied>> ListOccupied(Transaction& tx);

// Keeps the first record of each host: a second call for the same host changes nothing.
absl::Status InsertHostRecord(Transaction& tx, const std::string& cluster,
                              const HostRecord& record);
// In place of what was recorded.
absl::Status PutHostRecord(Transaction& tx, const std::string& cluster, const HostRecord& record);
absl::Status DeleteHostRecord(Transaction& tx, const std::string& cluster,
                              const std::string& machine_id);
// Of the clusters of another tool that were taken over on the machine.
absl::StatusOr<std::vector<std::string>> ListTakenOverUsers(Transaction& tx,
                                                            const std::string& machine_id);
absl::StatusOr<std::vector<HostRecord>> ListHostRecords(Transaction& tx,
                                                        const std::string& cluster);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_CLUSTER_STORE_H_
