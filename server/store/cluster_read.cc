// Clusters as the store has them; what changes them is in cluster_store.cc.
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "server/store/borrowed_store.h"
#include "server/store/cluster_rows.h"
#include "server/store/cluster_store.h"
#include "server/store/enums.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

#define DMGR_SELECT_CLUSTER \
  "SELECT m.*, " DMGR_MICROS("m.create_time") " AS create_us, "                                   \
  DMGR_MICROS("m.update_time") " AS update_us, o.operation_id AS active_operation_id,"            \
  " (SELECT coalesce(json_agg(json_build_object('machine_id', machine_id, 'operation_id',"        \
  "   operation_id, 'reason', reason, 'since', floor(extract(epoch FROM create_time)))"           \
  "   ORDER BY machine_id), '[]') FROM cluster_behind b WHERE b.cluster_name = m.cluster_name)"   \
  " AS behind"                                                                                    \
  " FROM cluster_meta m LEFT JOIN operation o ON o.cluster_name = m.cluster_name AND o.holds_cluster "
constexpr char kGet[] = DMGR_SELECT_CLUSTER "WHERE m.cluster_name = $1";
constexpr char kList[] = DMGR_SELECT_CLUSTER
    "WHERE m.cluster_name > $1"
    " AND ($3::json IS NULL OR m.cluster_name IN (SELECT json_array_elements_text($3::json)))"
    " ORDER BY m.cluster_name LIMIT $2::integer";
constexpr char kInstances[] =
    "SELECT t.*, m.facts->>'arch' AS arch FROM cluster_topology t LEFT JOIN machine m USING "
    "(machine_id)"
    " WHERE cluster_name = ANY("
    " SELECT jsonb_array_elements_text($1::jsonb)) ORDER BY cluster_name, position";
constexpr char kOccupied[] =
    "SELECT cluster_name, instance_name, host_identity, component, port, peer_port, cluster_port,"
    " deploy_dir, data_dir, log_dir, os_user, os_group, membership, cluster_status"
    " FROM cluster_topology JOIN cluster_meta USING (cluster_name) ORDER BY cluster_name, position";
constexpr char kTakenOverUsers[] =
    "SELECT DISTINCT m.os_user FROM cluster_meta m JOIN cluster_host h USING (cluster_name)"
    " WHERE m.origin = 'TAKEN_OVER' AND h.machine_id = $1 ORDER BY m.os_user";
constexpr char kHosts[] =
    "SELECT machine_id, before FROM cluster_host WHERE cluster_name = $1 ORDER BY machine_id";

int IntOr0(const pqxx::field& field) { return field.is_null() ? 0 : field.as<int>(); }

absl::StatusOr<topology::Instance> ReadInstance(const pqxx::row& row) {
  topology::Instance i;
  i.name = Text(row["instance_name"]);
  const std::string component = Text(row["component"]);
  const auto known = topology::ParseComponent(component);
  if (!known.has_value()) {
    return Error(absl::StatusCode::kInternal, "UNKNOWN_COMPONENT",
                 "instance {} is a {}, which this dmgrd does not know", i.name, component)
        .With("instance", i.name)
        .With("component", component)
        .Remedy("run the version of dmgrd that has deployed it, or a newer one");
  }
  i.component = *known;
  i.host = Text(row["host"]);
  i.manage_host = Text(row["manage_host"]);
  i.machine_id = Text(row["machine_id"]);
  i.arch = Text(row["arch"]);
  i.port = row["port"].as<int>();
  i.peer_port = IntOr0(row["peer_port"]);
  i.cluster_port = IntOr0(row["cluster_port"]);
  i.listen_host = Text(row["listen_host"]);
  i.deploy_dir = Text(row["deploy_dir"]);
  i.data_dir = Text(row["data_dir"]);
  i.log_dir = Text(row["log_dir"]);
  i.numa_node = Text(row["numa_node"]);
  const std::string what = fmt::format("configuration of instance {}", i.name);
  RETURN_IF_ERROR(FromJson(Text(row["resource_control"]), &i.resource_control, what));
  RETURN_IF_ERROR(FromJson(Text(row["config"]), &i.config, what));
  i.v1_source_path = Text(row["v1_source_path"]);
  i.storage_retention = Text(row["storage_retention"]);
  i.grafana_user = Text(row["grafana_user"]);
  i.patch = Text(row["patch_id"]);
  i.wanted_running = row["wanted_running"].as<bool>();
  i.wanted_enabled = row["wanted_enabled"].as<bool>();
  const std::string membership = Text(row["membership"]);
  for (std::size_t k = 0; k < std::size(kMembershipWords); ++k) {
    if (membership == kMembershipWords[k]) i.membership = static_cast<topology::Membership>(k);
  }
  return i;
}

std::vector<v1::BehindMachine> ReadBehind(const pqxx::field& field) {
  std::vector<v1::BehindMachine> behind;
  for (const auto& row : nlohmann::json::parse(Text(field))) {
    v1::BehindMachine& one = behind.emplace_back();
    one.set_machine_id(row["machine_id"].get<std::string>());
    one.set_operation_id(row["operation_id"].get<std::string>());
    one.set_reason(row["reason"].get<std::string>());
    one.mutable_since_time()->set_seconds(row["since"].get<std::int64_t>());
  }
  return behind;
}

std::shared_ptr<const topology::Tls> ReadTls(const pqxx::row& row) {
  topology::Tls tls;
  tls.cluster_uuid = Text(row["cluster_uuid"]);
  tls.trusted = Text(row["tls_trusted"]);
  tls.issuer = Text(row["tls_issuer"]);
  tls.issue_time = row["tls_issue_time"].as<std::int64_t>();
  tls.sealed_secrets = Bytes(row["sealed_tls"]);
  if (tls.trusted.empty()) return nullptr;
  return std::make_shared<const topology::Tls>(std::move(tls));
}

absl::StatusOr<ClusterRecord> ReadMeta(const pqxx::row& row) {
  ClusterRecord record;
  topology::Cluster& c = record.cluster;
  c.name = Text(row["cluster_name"]);
  for (const auto& former : nlohmann::json::parse(Text(row["former_names"]))) {
    c.former_names.push_back(former.get<std::string>());
  }
  c.uuid = Text(row["cluster_uuid"]);
  c.version = Text(row["cluster_version"]);
  c.user = Text(row["os_user"]);
  c.group = Text(row["os_group"]);
  c.cluster_path = Text(row["cluster_path"]);
  c.skip_create_user = row["skip_create_user"].as<bool>();
  c.user_login = row["user_login"].as<bool>();
  record.state = FromText<v1::ClusterState>(Text(row["cluster_status"]));
  record.origin = FromText<v1::ClusterOrigin>(Text(row["origin"]));
  RETURN_IF_ERROR(FromJson(Text(row["topology"]), &record.topology,
                           fmt::format("topology of cluster {}", c.name)));
  c.user_mode = topology::IsUserMode(record.topology.global());
  c.enable_tls = record.topology.global().enable_tls();
  c.tls = ReadTls(row);
  record.public_key = Text(row["public_key"]);
  record.sealed_private_key = Bytes(row["sealed_private_key"]);
  record.sealed_grafana_password = Bytes(row["sealed_grafana_password"]);
  record.sealed_options = Bytes(row["sealed_options"]);
  record.secrets_forgotten = row["secrets_forgotten"].as<bool>();
  if (!row["pending_topology"].is_null()) {
    RETURN_IF_ERROR(FromJson(Text(row["pending_topology"]), &record.pending_topology.emplace(),
                             fmt::format("pending topology of cluster {}", c.name)));
    record.sealed_pending = Bytes(row["sealed_pending"]);
  }
  record.description = Text(row["description"]);
  ReadMap(row["labels"], &record.labels);
  record.create_time = Time(row["create_us"]);
  record.update_time = Time(row["update_us"]);
  record.revision = row["revision"].as<std::int64_t>();
  record.active_operation_id = Text(row["active_operation_id"]);
  record.behind = ReadBehind(row["behind"]);
  return record;
}

// Clusters of rows of cluster_meta, with their instances.
absl::StatusOr<std::vector<ClusterRecord>> ReadClusters(Transaction& tx, const pqxx::result& rows) {
  std::vector<ClusterRecord> records;
  std::map<std::string, std::size_t> index;
  nlohmann::json names = nlohmann::json::array();
  for (const pqxx::row& row : rows) {
    ASSIGN_OR_RETURN(ClusterRecord record, ReadMeta(row));
    names.push_back(record.cluster.name);
    index[record.cluster.name] = records.size();
    records.push_back(std::move(record));
  }
  ASSIGN_OR_RETURN(const pqxx::result instances, Run(tx, kInstances, {names.dump()}));
  for (const pqxx::row& row : instances) {
    ClusterRecord& record = records[index[Text(row["cluster_name"])]];
    ASSIGN_OR_RETURN(topology::Instance instance, ReadInstance(row));
    instance.tls = record.cluster.tls;
    instance.tiup_shape = record.origin != v1::CLUSTER_ORIGIN_UNSPECIFIED;
    if (row["needs_reload"].as<bool>()) record.needs_reload.push_back(instance.name);
    record.cluster.instances.push_back(std::move(instance));
  }
  ASSIGN_OR_RETURN(auto borrowed, ListBorrowed(tx, names.dump()));
  for (auto& [cluster, instance] : borrowed) {
    records[index[cluster]].cluster.borrowed.push_back(std::move(instance));
  }
  return records;
}

}  // namespace

absl::StatusOr<ClusterRecord> GetCluster(Transaction& tx, const std::string& name) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {name}));
  if (rows.empty()) return ClusterNotFound(name);
  ASSIGN_OR_RETURN(std::vector<ClusterRecord> records, ReadClusters(tx, rows));
  return std::move(records[0]);
}

absl::StatusOr<std::vector<ClusterRecord>> ListClusters(Transaction& tx,
                                                        const std::string& after_name, int limit,
                                                        const SeenClusters& seen) {
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kList, {after_name, limit, Param::JsonOrNull(seen)}));
  return ReadClusters(tx, rows);
}

absl::StatusOr<std::vector<topology::Occupied>> ListOccupied(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kOccupied, {}));
  std::vector<topology::Occupied> list;
  for (const pqxx::row& row : rows) {
    topology::Occupied occupied;
    occupied.cluster = Text(row["cluster_name"]);
    occupied.instance = Text(row["instance_name"]);
    occupied.identity = Text(row["host_identity"]);
    occupied.component =
        topology::ParseComponent(Text(row["component"])).value_or(occupied.component);
    occupied.user = Text(row["os_user"]);
    occupied.group = Text(row["os_group"]);
    const auto state = FromText<v1::ClusterState>(Text(row["cluster_status"]));
    occupied.settled = state != v1::CLUSTER_STATE_DEPLOYING &&
                       state != v1::CLUSTER_STATE_DESTROYING &&
                       Text(row["membership"]) != kMembershipWords[1];
    for (const char* column : {"port", "peer_port", "cluster_port"}) {
      if (!row[column].is_null()) occupied.ports.push_back(row[column].as<int>());
    }
    for (const char* column : {"deploy_dir", "data_dir", "log_dir"}) {
      if (row[column].size() > 0) occupied.dirs.push_back(Text(row[column]));
    }
    list.push_back(std::move(occupied));
  }
  return list;
}

absl::StatusOr<std::vector<std::string>> ListTakenOverUsers(Transaction& tx,
                                                            const std::string& machine_id) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kTakenOverUsers, {machine_id}));
  std::vector<std::string> users;
  for (const pqxx::row& row : rows) users.push_back(Text(row["os_user"]));
  return users;
}

absl::StatusOr<std::vector<HostRecord>> ListHostRecords(Transaction& tx,
                                                        const std::string& cluster) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kHosts, {cluster}));
  std::vector<HostRecord> records;
  for (const pqxx::row& row : rows) {
    records.push_back({Text(row["machine_id"]), Text(row["before"])});
  }
  return records;
}

}  // namespace dmgr::store
