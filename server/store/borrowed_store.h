// Table "cluster_borrowed": exporters of other clusters that serve a cluster as well.
#ifndef DMGR_SERVER_STORE_BORROWED_STORE_H_
#define DMGR_SERVER_STORE_BORROWED_STORE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/cluster_store.h"
#include "server/store/database.h"
#include "server/topology/topology.h"

namespace dmgr::store {

// identities: machine id -> host identity. ABORTED, CLUSTER_CHANGED, when nobody has one of them
// any more. The cluster's row must be there.
absl::Status InsertBorrowed(Transaction& tx, const std::string& cluster,
                            const std::vector<topology::Instance>& borrowed,
                            const std::vector<std::pair<std::string, std::string>>& identities);
absl::Status DeleteBorrowed(Transaction& tx, const std::string& cluster,
                            const std::vector<std::string>& names);
// Of clusters that are named in a JSON list: cluster name, and what it borrows.
absl::StatusOr<std::vector<std::pair<std::string, topology::Instance>>> ListBorrowed(
    Transaction& tx, const std::string& names_json);

// Who would have an exporter after its cluster.
struct Heir {
  // The name of the exporter in its cluster.
  std::string lent;
  std::string cluster;
  std::string cluster_uuid;
  // As cluster borrows it.
  topology::Instance instance;
};
// One for each exporter of the cluster that others borrow, if any of those can have it: none that
// is itself being deployed or destroyed.
absl::StatusOr<std::vector<Heir>> ListHeirs(Transaction& tx, const std::string& cluster);
// The row of the exporter becomes one of the heir's cluster, which borrows it no more. host: what
// the heir's cluster is to know of the host from now on. ABORTED, CLUSTER_CHANGED, when the heir
// cannot have it any more.
absl::Status Inherit(Transaction& tx, const std::string& cluster, const Heir& heir,
                     const HostRecord& host);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_BORROWED_STORE_H_
