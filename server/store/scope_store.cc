#include "server/store/scope_store.h"

#include "server/store/cluster_rows.h"
#include "server/store/operation_rows.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr char kList[] = "SELECT cluster_name, labels FROM cluster_meta";
constexpr char kGet[] = "SELECT labels FROM cluster_meta WHERE cluster_name = $1";
constexpr char kClusterOf[] = "SELECT cluster_name FROM operation WHERE operation_id = $1::uuid";

}  // namespace

absl::StatusOr<std::map<std::string, ClusterLabels>> ListClusterLabels(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kList, {}));
  std::map<std::string, ClusterLabels> all;
  for (const pqxx::row& row : rows) ReadMap(row["labels"], &all[Text(row["cluster_name"])]);
  return all;
}

absl::StatusOr<ClusterLabels> LabelsOfCluster(Transaction& tx, const std::string& name) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {name}));
  ClusterLabels labels;
  if (!rows.empty()) ReadMap(rows[0]["labels"], &labels);
  return labels;
}

absl::StatusOr<std::string> ClusterOfOperation(Transaction& tx, const std::string& operation_id) {
  RETURN_IF_ERROR(CheckOperationId(operation_id));
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kClusterOf, {operation_id}));
  if (rows.empty()) return OperationNotFound(operation_id);
  return Text(rows[0]["cluster_name"]);
}

absl::Status NoSuchCluster(const std::string& name) { return ClusterNotFound(name); }

absl::Status NoSuchOperation(const std::string& operation_id) {
  return OperationNotFound(operation_id);
}

}  // namespace dmgr::store
