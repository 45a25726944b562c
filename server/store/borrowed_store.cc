#include "server/store/borrowed_store.h"

#include <map>
#include <nlohmann/json.hpp>

#include "server/store/enums.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr char kInsert[] =
    "INSERT INTO cluster_borrowed (cluster_name, instance_name, component, host, manage_host,"
    " machine_id, host_identity, port)"
    " SELECT $1, $2, $3, $4, $5, $6, $7, $8::integer WHERE EXISTS ("
    "  SELECT FROM cluster_topology t JOIN cluster_meta m USING (cluster_name)"
    "  WHERE t.host_identity = $7 AND t.component = $3 AND t.port = $8::integer"
    "   AND t.membership <> 'Joining' AND m.cluster_status NOT IN ($9, $10))";
constexpr char kDelete[] =
    "DELETE FROM cluster_borrowed WHERE cluster_name = $1"
    " AND instance_name IN (SELECT jsonb_array_elements_text($2::jsonb))";
constexpr char kList[] =
    "SELECT * FROM cluster_borrowed WHERE cluster_name IN"
    " (SELECT jsonb_array_elements_text($1::jsonb)) ORDER BY cluster_name, instance_name";
// Without a record of the host, what was there before is not known yet.
#define DMGR_SELECT_HEIRS                                                                    \
  "SELECT DISTINCT ON (t.instance_name) t.instance_name AS lent, m.cluster_uuid, b.*"        \
  " FROM cluster_topology t JOIN cluster_borrowed b ON b.host_identity = t.host_identity"    \
  "  AND b.component = t.component AND b.port = t.port AND b.cluster_name <> t.cluster_name" \
  " JOIN cluster_meta m ON m.cluster_name = b.cluster_name"                                  \
  " JOIN cluster_host h ON h.cluster_name = b.cluster_name AND h.machine_id = b.machine_id"  \
  " WHERE t.cluster_name = $1 AND m.cluster_status NOT IN ($2, $3)"
constexpr char kHeirs[] = DMGR_SELECT_HEIRS " ORDER BY t.instance_name, b.cluster_name";
constexpr char kHeir[] = DMGR_SELECT_HEIRS " AND t.instance_name = $4 AND b.cluster_name = $5";
constexpr char kMove[] =
    "UPDATE cluster_topology SET cluster_name = $3, instance_name = $4, host = $5,"
    " manage_host = $6, machine_id = $7, membership = 'Joined', needs_reload = false,"
    " patch_id = NULL, position = (SELECT coalesce(max(position) + 1, 0) FROM cluster_topology"
    "  WHERE cluster_name = $3)"
    " WHERE cluster_name = $1 AND instance_name = $2";

topology::Instance ReadBorrowed(const pqxx::row& row) {
  topology::Instance instance;
  instance.name = Text(row["instance_name"]);
  // A name that is not known was written by a newer dmgrd; its cluster cannot be read then either.
  instance.component =
      topology::ParseComponent(Text(row["component"])).value_or(topology::Component::kNodeExporter);
  instance.host = Text(row["host"]);
  instance.manage_host = Text(row["manage_host"]);
  instance.machine_id = Text(row["machine_id"]);
  instance.port = row["port"].as<int>();
  return instance;
}

Error GoneFrom(const std::string& cluster, const std::string& exporter) {
  Error error(absl::StatusCode::kAborted, "CLUSTER_CHANGED",
              "{}, which cluster {} shares with another one, has changed hands meanwhile; nothing "
              "is done",
              exporter, cluster);
  error.With("cluster", cluster).Remedy("repeat the call");
  return error;
}

}  // namespace

absl::Status InsertBorrowed(Transaction& tx, const std::string& cluster,
                            const std::vector<topology::Instance>& borrowed,
                            const std::vector<std::pair<std::string, std::string>>& identities) {
  const std::map<std::string, std::string> by_machine(identities.begin(), identities.end());
  for (const topology::Instance& one : borrowed) {
    const auto found = by_machine.find(one.machine_id);
    const bool known = found != by_machine.end() && !found->second.empty();
    ASSIGN_OR_RETURN(
        const pqxx::result rows,
        Run(tx, kInsert,
            {cluster, one.name, topology::Name(one.component), one.host, one.manage_host,
             one.machine_id, known ? found->second : one.machine_id, one.port,
             ToText(v1::CLUSTER_STATE_DEPLOYING), ToText(v1::CLUSTER_STATE_DESTROYING)}));
    if (rows.affected_rows() == 0) return GoneFrom(cluster, one.name);
  }
  return absl::OkStatus();
}

absl::Status DeleteBorrowed(Transaction& tx, const std::string& cluster,
                            const std::vector<std::string>& names) {
  return Run(tx, kDelete, {cluster, nlohmann::json(names).dump()}).status();
}

absl::StatusOr<std::vector<std::pair<std::string, topology::Instance>>> ListBorrowed(
    Transaction& tx, const std::string& names_json) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kList, {names_json}));
  std::vector<std::pair<std::string, topology::Instance>> list;
  for (const pqxx::row& row : rows) {
    list.emplace_back(Text(row["cluster_name"]), ReadBorrowed(row));
  }
  return list;
}

absl::StatusOr<std::vector<Heir>> ListHeirs(Transaction& tx, const std::string& cluster) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kHeirs,
                                                {cluster, ToText(v1::CLUSTER_STATE_DEPLOYING),
                                                 ToText(v1::CLUSTER_STATE_DESTROYING)}));
  std::vector<Heir> heirs;
  for (const pqxx::row& row : rows) {
    heirs.push_back({Text(row["lent"]), Text(row["cluster_name"]), Text(row["cluster_uuid"]),
                     ReadBorrowed(row)});
  }
  return heirs;
}

absl::Status Inherit(Transaction& tx, const std::string& cluster, const Heir& heir,
                     const HostRecord& host) {
  const topology::Instance& one = heir.instance;
  RETURN_IF_ERROR(LockCluster(tx, heir.cluster));
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kHeir,
                       {cluster, ToText(v1::CLUSTER_STATE_DEPLOYING),
                        ToText(v1::CLUSTER_STATE_DESTROYING), heir.lent, heir.cluster}));
  if (rows.empty()) return GoneFrom(cluster, heir.lent);
  RETURN_IF_ERROR(DeleteBorrowed(tx, heir.cluster, {one.name}));
  RETURN_IF_ERROR(
      Run(tx, kMove,
          {cluster, heir.lent, heir.cluster, one.name, one.host, one.manage_host, one.machine_id})
          .status());
  return PutHostRecord(tx, heir.cluster, host);
}

}  // namespace dmgr::store
