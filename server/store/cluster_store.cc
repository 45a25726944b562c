#include "server/store/cluster_store.h"

#include <map>
#include <nlohmann/json.hpp>

#include "server/store/borrowed_store.h"
#include "server/store/cluster_rows.h"
#include "server/store/enums.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

// Deploys go one after another through their last checks, so that two cannot pass them at once.
constexpr char kLockDeploys[] = "SELECT pg_advisory_xact_lock(7236830542)";
constexpr char kInsertMeta[] =
    "INSERT INTO cluster_meta (cluster_name, cluster_uuid, cluster_version, cluster_status,"
    " os_user, os_group, cluster_path, skip_create_user, topology, public_key,"
    " sealed_private_key, sealed_grafana_password, sealed_options, description, labels,"
    " user_login, origin, tls_trusted, tls_issuer, tls_issue_time, sealed_tls)"
    " VALUES ($1, $2::uuid, $3, $4, $5, $6, $7, $8::boolean, $9::jsonb, $10, $11::bytea,"
    " $12::bytea, $13::bytea, $14, $15::jsonb, $16::boolean, $17, $18, $19, $20::bigint,"
    " $21::bytea)"
    " ON CONFLICT (cluster_name) DO NOTHING";
constexpr char kInsertInstance[] =
    "INSERT INTO cluster_topology (cluster_name, instance_name, position, component, host,"
    " manage_host, machine_id, host_identity, port, peer_port, cluster_port, listen_host,"
    " deploy_dir, data_dir, log_dir, numa_node, resource_control, config, v1_source_path,"
    " storage_retention, grafana_user, membership, wanted_running, wanted_enabled)"
    " VALUES ($1, $2, $3::integer, $4, $5, $6, $7, $8, $9::integer, nullif($10::integer, 0),"
    " nullif($11::integer, 0), $12, $13, $14, $15, $16, $17::jsonb, $18::jsonb, $19, $20, $21,"
    " $22, $23::boolean, $24::boolean)";
constexpr char kInsertPort[] =
    "INSERT INTO instance_port (host_identity, port, cluster_name, instance_name)"
    " VALUES ($1, $2::integer, $3, $4) ON CONFLICT (host_identity, port) DO NOTHING";
constexpr char kPortHolder[] =
    "SELECT cluster_name, instance_name FROM instance_port"
    " WHERE host_identity = $1 AND port = $2::integer";
// A directory of this cluster that is, holds, or lies in one of another cluster on the same host.
constexpr char kDirConflict[] =
    "WITH dir AS (SELECT cluster_name, instance_name, host, host_identity, d AS path"
    "  FROM cluster_topology, unnest(ARRAY[deploy_dir, data_dir, log_dir]) AS d WHERE d <> '')"
    " SELECT mine.instance_name, mine.host, mine.path, other.cluster_name,"
    "  other.instance_name AS other_instance, other.path AS other_path"
    " FROM dir mine JOIN dir other ON other.host_identity = mine.host_identity"
    " WHERE mine.cluster_name = $1 AND other.cluster_name <> $1"
    "  AND (mine.path = other.path OR starts_with(mine.path, other.path || '/')"
    "   OR starts_with(other.path, mine.path || '/')) LIMIT 1";
constexpr char kSetState[] =
    "UPDATE cluster_meta SET cluster_status = $2, update_time = clock_timestamp()"
    " WHERE cluster_name = $1";
constexpr char kSetOrigin[] =
    "UPDATE cluster_meta SET origin = $2, update_time = clock_timestamp() WHERE cluster_name = $1";
constexpr char kSetLabels[] =
    "UPDATE cluster_meta SET description = $2, labels = $3::jsonb WHERE cluster_name = $1";
constexpr char kLockMeta[] =
    "SELECT cluster_uuid, revision, (SELECT coalesce(max(position) + 1, 0)"
    "  FROM cluster_topology t WHERE t.cluster_name = m.cluster_name) AS next_position"
    " FROM cluster_meta m WHERE cluster_name = $1 FOR UPDATE";
// Those named in a JSON list.
#define DMGR_NAMED \
  " WHERE cluster_name = $1 AND instance_name IN (SELECT jsonb_array_elements_text($2::jsonb))"
constexpr char kSetMembership[] = "UPDATE cluster_topology SET membership = $3" DMGR_NAMED;
constexpr char kSetRunning[] = "UPDATE cluster_topology SET wanted_running = $3::boolean" DMGR_NAMED
                               " AND wanted_running <> $3::boolean";
constexpr char kSetEnabled[] = "UPDATE cluster_topology SET wanted_enabled = $3::boolean" DMGR_NAMED
                               " AND wanted_enabled <> $3::boolean";
constexpr char kDeleteInstances[] = "DELETE FROM cluster_topology" DMGR_NAMED;
constexpr char kForgetBehind[] =
    "DELETE FROM cluster_behind b WHERE cluster_name = $1 AND NOT EXISTS (SELECT FROM"
    " cluster_topology t WHERE t.cluster_name = b.cluster_name AND t.machine_id = b.machine_id)";
constexpr char kSetTopology[] =
    "UPDATE cluster_meta SET topology = $2::jsonb, sealed_options = $3::bytea,"
    " update_time = clock_timestamp() WHERE cluster_name = $1";
constexpr char kClustersOn[] =
    "SELECT DISTINCT cluster_name FROM cluster_topology WHERE machine_id = $1 ORDER BY 1";
constexpr char kPutHost[] =
    "INSERT INTO cluster_host (cluster_name, machine_id, before) VALUES ($1, $2, $3::json)"
    " ON CONFLICT (cluster_name, machine_id) DO UPDATE SET before = excluded.before";
constexpr char kDeleteHost[] =
    "DELETE FROM cluster_host WHERE cluster_name = $1 AND machine_id = $2";
constexpr char kSetVersion[] =
    "UPDATE cluster_meta SET cluster_version = $2, update_time = clock_timestamp()"
    " WHERE cluster_name = $1";
constexpr char kSetKey[] =
    "UPDATE cluster_meta SET public_key = $2, sealed_private_key = $3::bytea,"
    " update_time = clock_timestamp() WHERE cluster_name = $1";
constexpr char kSetTls[] =
    "UPDATE cluster_meta SET tls_trusted = $2, tls_issuer = $3, tls_issue_time = $4::bigint,"
    " sealed_tls = $5::bytea, update_time = clock_timestamp() WHERE cluster_name = $1";
// With it all that refers to it.
constexpr char kRename[] =
    "UPDATE cluster_meta SET cluster_name = $2, former_names = $3::jsonb, update_time = "
    "clock_timestamp()"
    " WHERE cluster_name = $1"
    " AND NOT EXISTS (SELECT FROM cluster_meta WHERE cluster_name = $2)";
constexpr char kDelete[] = "DELETE FROM cluster_meta WHERE cluster_name = $1";
constexpr char kInsertHost[] =
    "INSERT INTO cluster_host (cluster_name, machine_id, before) VALUES ($1, $2, $3::json)"
    " ON CONFLICT (cluster_name, machine_id) DO NOTHING";
absl::Status ClusterExists(const std::string& name) {
  return Error(absl::StatusCode::kAlreadyExists, "CLUSTER_EXISTS", "cluster {} exists already",
               name)
      .With("cluster", name)
      .Remedy("choose another name, or destroy that cluster first")
      .Next(v1::ACTION_DESTROY_CLUSTER, {{"cluster_name", name}});
}

absl::Status InsertMeta(Transaction& tx, const ClusterRecord& record) {
  const topology::Cluster& c = record.cluster;
  ASSIGN_OR_RETURN(const std::string topology, ToJson(record.topology, "topology"));
  const topology::Tls tls = c.tls == nullptr ? topology::Tls() : *c.tls;
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kInsertMeta,
                                                {c.name,
                                                 c.uuid,
                                                 c.version,
                                                 ToText(record.state),
                                                 c.user,
                                                 c.group,
                                                 c.cluster_path,
                                                 c.skip_create_user,
                                                 topology,
                                                 record.public_key,
                                                 Param::Bytes(record.sealed_private_key),
                                                 Param::Bytes(record.sealed_grafana_password),
                                                 Param::Bytes(record.sealed_options),
                                                 record.description,
                                                 MapJson(record.labels),
                                                 c.user_login,
                                                 ToText(record.origin),
                                                 tls.trusted,
                                                 tls.issuer,
                                                 tls.issue_time,
                                                 Param::Bytes(tls.sealed_secrets)}));
  return rows.affected_rows() == 1 ? absl::OkStatus() : ClusterExists(c.name);
}

absl::Status InsertInstance(Transaction& tx, const std::string& cluster, int position,
                            const topology::Instance& i, const std::string& identity) {
  const std::string what = fmt::format("the configuration of instance {}", i.name);
  ASSIGN_OR_RETURN(const std::string resources, ToJson(i.resource_control, what));
  ASSIGN_OR_RETURN(const std::string config, ToJson(i.config, what));
  return Run(tx, kInsertInstance,
             {cluster,          i.name,
              position,         topology::Name(i.component),
              i.host,           i.manage_host,
              i.machine_id,     identity,
              i.port,           i.peer_port,
              i.cluster_port,   i.listen_host,
              i.deploy_dir,     i.data_dir,
              i.log_dir,        i.numa_node,
              resources,        config,
              i.v1_source_path, i.storage_retention,
              i.grafana_user,   kMembershipWords[static_cast<std::size_t>(i.membership)],
              i.wanted_running, i.wanted_enabled})
      .status();
}

struct WantedPort {
  std::string identity;
  int port;
  const topology::Instance* instance;
};

absl::Status InsertPort(Transaction& tx, const std::string& cluster, const WantedPort& wanted) {
  const topology::Instance& instance = *wanted.instance;
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kInsertPort, {wanted.identity, wanted.port, cluster, instance.name}));
  if (rows.affected_rows() == 1) return absl::OkStatus();
  ASSIGN_OR_RETURN(const pqxx::result holders,
                   Run(tx, kPortHolder, {wanted.identity, wanted.port}));
  const std::string holder =
      holders.empty() ? "another instance"
                      : fmt::format("instance {} of cluster {}", Text(holders[0]["instance_name"]),
                                    Text(holders[0]["cluster_name"]));
  return Error(absl::StatusCode::kAlreadyExists, "PORT_TAKEN",
               "port {} on host {}, wanted by instance {}, is taken by {}", wanted.port,
               instance.host, instance.name, holder)
      .With("host", instance.host)
      .With("port", std::to_string(wanted.port))
      .Remedy("give the instance another port in the topology");
}

absl::Status CheckDirs(Transaction& tx, const std::string& cluster) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kDirConflict, {cluster}));
  if (rows.empty()) return absl::OkStatus();
  const pqxx::row row = rows[0];
  return Error(absl::StatusCode::kAlreadyExists, "DIRECTORY_TAKEN",
               "directory {} on host {}, wanted by instance {}, overlaps with {} of instance {} of "
               "cluster {}",
               Text(row["path"]), Text(row["host"]), Text(row["instance_name"]),
               Text(row["other_path"]), Text(row["other_instance"]), Text(row["cluster_name"]))
      .With("host", Text(row["host"]))
      .With("directory", Text(row["path"]))
      .Remedy("give the instance another directory in the topology");
}

absl::Status InsertRows(Transaction& tx, const std::string& cluster, int position,
                        const std::vector<topology::Instance>& instances,
                        const std::vector<std::pair<std::string, std::string>>& identities) {
  const std::map<std::string, std::string> by_machine(identities.begin(), identities.end());
  std::vector<WantedPort> ports;
  for (const topology::Instance& instance : instances) {
    const auto found = by_machine.find(instance.machine_id);
    const bool known = found != by_machine.end() && !found->second.empty();
    const std::string& identity = known ? found->second : instance.machine_id;
    RETURN_IF_ERROR(InsertInstance(tx, cluster, position++, instance, identity));
    for (const int port : instance.Ports()) ports.push_back({identity, port, &instance});
  }
  for (const WantedPort& wanted : ports) RETURN_IF_ERROR(InsertPort(tx, cluster, wanted));
  return CheckDirs(tx, cluster);
}

}  // namespace

absl::Status ClusterNotFound(const std::string& name) {
  return Error(absl::StatusCode::kNotFound, "CLUSTER_NOT_FOUND", "no cluster {}", Printable(name))
      .With("cluster", Printable(name))
      .Remedy("see the spelling of the name")
      .Next(v1::ACTION_LIST_CLUSTERS);
}

absl::Status InsertCluster(Transaction& tx, const ClusterRecord& record,
                           const std::vector<std::pair<std::string, std::string>>& identities) {
  RETURN_IF_ERROR(Run(tx, kLockDeploys, {}).status());
  RETURN_IF_ERROR(InsertMeta(tx, record));
  RETURN_IF_ERROR(InsertRows(tx, record.cluster.name, 0, record.cluster.instances, identities));
  return InsertBorrowed(tx, record.cluster.name, record.cluster.borrowed, identities);
}

absl::Status InsertInstances(Transaction& tx, const std::string& cluster,
                             const std::vector<topology::Instance>& instances,
                             const std::vector<std::pair<std::string, std::string>>& identities) {
  RETURN_IF_ERROR(Run(tx, kLockDeploys, {}).status());
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kLockMeta, {cluster}));
  if (rows.empty()) return ClusterNotFound(cluster);
  return InsertRows(tx, cluster, rows[0]["next_position"].as<int>(), instances, identities);
}

absl::Status SetClusterLabels(Transaction& tx, const ClusterRecord& record) {
  const std::string& name = record.cluster.name;
  ASSIGN_OR_RETURN(const pqxx::result updated,
                   Run(tx, kSetLabels, {name, record.description, MapJson(record.labels)}));
  return updated.affected_rows() == 0 ? ClusterNotFound(name) : absl::OkStatus();
}

absl::Status LockCluster(Transaction& tx, const std::string& name) {
  return Run(tx, kLockMeta, {name}).status();
}

absl::Status LockUnchanged(Transaction& tx, const ClusterRecord& read) {
  const topology::Cluster& cluster = read.cluster;
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kLockMeta, {cluster.name}));
  if (rows.empty()) return ClusterNotFound(cluster.name);
  if (Text(rows[0]["cluster_uuid"]) == cluster.uuid &&
      rows[0]["revision"].as<std::int64_t>() == read.revision) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kAborted, "CLUSTER_CHANGED",
               "cluster {} was changed by another call after this one had read it; nothing is done",
               cluster.name)
      .With("cluster", cluster.name)
      .Remedy("repeat the call");
}

absl::Status SetMembership(Transaction& tx, const std::string& cluster,
                           const std::vector<std::string>& instances,
                           topology::Membership membership) {
  return Run(tx, kSetMembership,
             {cluster, nlohmann::json(instances).dump(),
              kMembershipWords[static_cast<std::size_t>(membership)]})
      .status();
}

absl::Status SetWantedRunning(Transaction& tx, const std::string& cluster,
                              const std::vector<std::string>& instances, bool running) {
  return Run(tx, kSetRunning, {cluster, nlohmann::json(instances).dump(), running}).status();
}

absl::Status SetWantedEnabled(Transaction& tx, const std::string& cluster,
                              const std::vector<std::string>& instances, bool enabled) {
  return Run(tx, kSetEnabled, {cluster, nlohmann::json(instances).dump(), enabled}).status();
}

absl::Status DeleteInstances(Transaction& tx, const std::string& cluster,
                             const std::vector<std::string>& instances) {
  RETURN_IF_ERROR(Run(tx, kDeleteInstances, {cluster, nlohmann::json(instances).dump()}).status());
  return Run(tx, kForgetBehind, {cluster}).status();
}

absl::Status SetTopology(Transaction& tx, const std::string& cluster, const v1::Topology& topology,
                         const std::string& sealed_options) {
  ASSIGN_OR_RETURN(const std::string json, ToJson(topology, "topology"));
  return Run(tx, kSetTopology, {cluster, json, Param::Bytes(sealed_options)}).status();
}

absl::Status PutHostRecord(Transaction& tx, const std::string& cluster, const HostRecord& record) {
  return Run(tx, kPutHost, {cluster, record.machine_id, record.before_json}).status();
}

absl::Status DeleteHostRecord(Transaction& tx, const std::string& cluster,
                              const std::string& machine_id) {
  return Run(tx, kDeleteHost, {cluster, machine_id}).status();
}

absl::StatusOr<std::vector<std::string>> ClustersOn(Transaction& tx,
                                                    const std::string& machine_id) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kClustersOn, {machine_id}));
  std::vector<std::string> names;
  for (const pqxx::row& row : rows) names.push_back(Text(row["cluster_name"]));
  return names;
}

absl::Status SetClusterState(Transaction& tx, const std::string& name, v1::ClusterState state) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kSetState, {name, ToText(state)}));
  return rows.affected_rows() == 0 ? ClusterNotFound(name) : absl::OkStatus();
}

absl::Status SetClusterOrigin(Transaction& tx, const std::string& name, v1::ClusterOrigin origin) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kSetOrigin, {name, ToText(origin)}));
  return rows.affected_rows() == 0 ? ClusterNotFound(name) : absl::OkStatus();
}

absl::Status SetClusterVersion(Transaction& tx, const std::string& name,
                               const std::string& version) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kSetVersion, {name, version}));
  return rows.affected_rows() == 0 ? ClusterNotFound(name) : absl::OkStatus();
}

absl::Status SetClusterKey(Transaction& tx, const std::string& name, const std::string& public_key,
                           const std::string& sealed_private_key) {
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kSetKey, {name, public_key, Param::Bytes(sealed_private_key)}));
  return rows.affected_rows() == 0 ? ClusterNotFound(name) : absl::OkStatus();
}

absl::Status SetClusterTls(Transaction& tx, const std::string& name, const topology::Tls& tls) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kSetTls,
                                                {name, tls.trusted, tls.issuer, tls.issue_time,
                                                 Param::Bytes(tls.sealed_secrets)}));
  return rows.affected_rows() == 0 ? ClusterNotFound(name) : absl::OkStatus();
}

absl::Status RenameCluster(Transaction& tx, const std::string& name,
                           const topology::Cluster& renamed) {
  ASSIGN_OR_RETURN(
      const pqxx::result rows,
      Run(tx, kRename, {name, renamed.name, nlohmann::json(renamed.former_names).dump()}));
  return rows.affected_rows() == 0 ? ClusterExists(renamed.name) : absl::OkStatus();
}

absl::Status DeleteCluster(Transaction& tx, const std::string& name) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kDelete, {name}));
  return rows.affected_rows() == 0 ? ClusterNotFound(name) : absl::OkStatus();
}

absl::Status InsertHostRecord(Transaction& tx, const std::string& cluster,
                              const HostRecord& record) {
  return Run(tx, kInsertHost, {cluster, record.machine_id, record.before_json}).status();
}

}  // namespace dmgr::store
