#include "server/store/behind_store.h"

#include <nlohmann/json.hpp>

#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr char kInsertBehind[] =
    "INSERT INTO cluster_behind (cluster_name, machine_id, operation_id, reason)"
    " VALUES ($1, $2, $3::uuid, $4) ON CONFLICT (cluster_name, machine_id) DO NOTHING";
constexpr char kDeleteBehind[] =
    "DELETE FROM cluster_behind WHERE cluster_name = $1"
    " AND machine_id IN (SELECT jsonb_array_elements_text($2::jsonb))";
constexpr char kDeleteBehindOf[] =
    "DELETE FROM cluster_behind WHERE cluster_name = $1 AND operation_id = $2::uuid";

}  // namespace

absl::Status InsertBehind(Transaction& tx, const std::string& cluster,
                          const std::string& operation_id, const v1::SkippedMachine& skipped) {
  return Run(tx, kInsertBehind, {cluster, skipped.machine_id(), operation_id, skipped.reason()})
      .status();
}

absl::Status DeleteBehind(Transaction& tx, const std::string& cluster,
                          const std::vector<std::string>& machines) {
  return Run(tx, kDeleteBehind, {cluster, nlohmann::json(machines).dump()}).status();
}

absl::Status DeleteBehindOf(Transaction& tx, const std::string& cluster,
                            const std::string& operation_id) {
  return Run(tx, kDeleteBehindOf, {cluster, operation_id}).status();
}

}  // namespace dmgr::store
