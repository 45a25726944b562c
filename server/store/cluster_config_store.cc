#include "server/store/cluster_config_store.h"

#include <nlohmann/json.hpp>

#include "server/store/cluster_store.h"
#include "server/store/operation_store.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr char kSetPending[] =
    "UPDATE cluster_meta SET pending_topology = $2::jsonb, sealed_pending = $3::bytea,"
    " update_time = clock_timestamp() WHERE cluster_name = $1";
// Of those that are named in a JSON list, and of no others.
constexpr char kSetNeedsReload[] =
    "UPDATE cluster_topology SET needs_reload = instance_name IN"
    " (SELECT jsonb_array_elements_text($2::jsonb)) WHERE cluster_name = $1";
constexpr char kSetConfig[] =
    "UPDATE cluster_topology SET listen_host = $3, numa_node = $4, resource_control = $5::jsonb,"
    " config = $6::jsonb, storage_retention = $7, needs_reload = false"
    " WHERE cluster_name = $1 AND instance_name = $2";

constexpr char kSetSecretsGiven[] =
    "UPDATE cluster_meta SET secrets_forgotten = false, sealed_grafana_password = $2::bytea"
    " WHERE cluster_name = $1";
constexpr char kSetAddress[] =
    "UPDATE cluster_topology SET host = $3, manage_host = $4, listen_host = $5"
    " WHERE cluster_name = $1 AND instance_name = $2";
constexpr char kSetBorrowedAddress[] =
    "UPDATE cluster_borrowed SET host = $3, manage_host = $4"
    " WHERE cluster_name = $1 AND instance_name = $2";

absl::Status RequireFree(Transaction& tx, const std::string& cluster) {
  RETURN_IF_ERROR(LockCluster(tx, cluster));
  return CheckFree(tx, cluster, /*supersede=*/false);
}

absl::Status Set(Transaction& tx, const std::string& cluster, const Param& shown,
                 const Param& sealed, const std::vector<std::string>& needs_reload) {
  RETURN_IF_ERROR(Run(tx, kSetPending, {cluster, shown, sealed}).status());
  return SetNeedsReload(tx, cluster, needs_reload);
}

}  // namespace

absl::Status SetPending(Transaction& tx, const std::string& cluster, const v1::Topology& shown,
                        const std::string& sealed, const std::vector<std::string>& needs_reload) {
  RETURN_IF_ERROR(RequireFree(tx, cluster));
  ASSIGN_OR_RETURN(const std::string json, ToJson(shown, "topology"));
  return Set(tx, cluster, json, Param::Bytes(sealed), needs_reload);
}

absl::Status DropPending(Transaction& tx, const std::string& cluster) {
  RETURN_IF_ERROR(RequireFree(tx, cluster));
  return EndPending(tx, cluster);
}

absl::Status EndPending(Transaction& tx, const std::string& cluster) {
  return Set(tx, cluster, nullptr, nullptr, {});
}

absl::Status SetSecretsGiven(Transaction& tx, const std::string& cluster,
                             const std::string& sealed_grafana_password) {
  return Run(tx, kSetSecretsGiven, {cluster, Param::Bytes(sealed_grafana_password)}).status();
}

absl::Status SetNeedsReload(Transaction& tx, const std::string& cluster,
                            const std::vector<std::string>& instances) {
  return Run(tx, kSetNeedsReload, {cluster, nlohmann::json(instances).dump()}).status();
}

absl::Status SetAddresses(Transaction& tx, const topology::Cluster& cluster,
                          const std::string& machine_id) {
  for (const auto* one : cluster.OnMachine(machine_id)) {
    RETURN_IF_ERROR(Run(tx, kSetAddress,
                        {cluster.name, one->name, one->host, one->manage_host, one->listen_host})
                        .status());
  }
  for (const auto& one : cluster.borrowed) {
    if (one.machine_id != machine_id) continue;
    RETURN_IF_ERROR(
        Run(tx, kSetBorrowedAddress, {cluster.name, one.name, one.host, one.manage_host}).status());
  }
  return absl::OkStatus();
}

absl::Status SetInstanceConfig(Transaction& tx, const std::string& cluster,
                               const topology::Instance& instance) {
  ASSIGN_OR_RETURN(const std::string control, ToJson(instance.resource_control, instance.name));
  ASSIGN_OR_RETURN(const std::string config, ToJson(instance.config, instance.name));
  return Run(tx, kSetConfig,
             {cluster, instance.name, instance.listen_host, instance.numa_node, control, config,
              instance.storage_retention})
      .status();
}

}  // namespace dmgr::store
