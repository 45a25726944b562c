// What is of clusters that a caller may know of.
#ifndef DMGR_SERVER_STORE_SCOPE_STORE_H_
#define DMGR_SERVER_STORE_SCOPE_STORE_H_

#include <google/protobuf/map.h>

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/database.h"

namespace dmgr::store {

using ClusterLabels = google::protobuf::Map<std::string, std::string>;

// Of all clusters, by name.
absl::StatusOr<std::map<std::string, ClusterLabels>> ListClusterLabels(Transaction& tx);
// None of one that does not exist.
absl::StatusOr<ClusterLabels> LabelsOfCluster(Transaction& tx, const std::string& name);
// NOT_FOUND, as GetOperation.
absl::StatusOr<std::string> ClusterOfOperation(Transaction& tx, const std::string& operation_id);

// What is answered where there is none.
absl::Status NoSuchCluster(const std::string& name);
absl::Status NoSuchOperation(const std::string& operation_id);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_SCOPE_STORE_H_
