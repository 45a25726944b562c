#include "server/store/machine_store.h"

#include <nlohmann/json.hpp>

#include "server/store/enums.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr char kInsert[] =
    "INSERT INTO machine (machine_id, host, ssh_port, login_user, privilege, host_key,"
    " host_key_fingerprint, far_end_dir, credential_kind, sealed_credential, identity, facts,"
    " description, labels, allowed_users, via)"
    " VALUES ($1, $2, $3::integer, $4, $5, $6, $7, $8, $9, $10::bytea, $11, $12::jsonb, $13,"
    " $14::jsonb, $15::jsonb, $16)"
    " ON CONFLICT DO NOTHING";
constexpr char kUpdate[] =
    "UPDATE machine SET host = $2, ssh_port = $3::integer, login_user = $4, privilege = $5,"
    " host_key = $6, host_key_fingerprint = $7, far_end_dir = $8, credential_kind = $9,"
    " sealed_credential = $10::bytea, identity = $11, facts = $12::jsonb, description = $13,"
    " labels = $14::jsonb, allowed_users = $15::jsonb, via = $16,"
    " row_version = row_version + 1, update_time = clock_timestamp()"
    " WHERE machine_id = $1 AND ($17 = '' OR row_version::text = $17)";
// The host behind a machine may have been replaced: its instances' ports are on the new one.
constexpr char kMoveInstances[] =
    "UPDATE cluster_topology t SET host_identity = coalesce(m.identity, m.machine_id)"
    " FROM machine m WHERE m.machine_id = $1 AND t.machine_id = $1"
    " AND t.host_identity <> coalesce(m.identity, m.machine_id)";
// $1 id, $2 host, $3 port, $4 identity, $5: the id itself counts, $6 host key: one host may have
// several addresses, a clone of it has a key of its own.
constexpr char kFindSame[] =
    "SELECT machine_id, host, ssh_port, (machine_id = $1) AS same_id,"
    " (host = $2 AND ssh_port = $3::integer) AS same_address FROM machine"
    " WHERE CASE WHEN machine_id = $1 THEN $5::boolean"
    "  ELSE (host = $2 AND ssh_port = $3::integer) OR (identity = $4 AND host_key <> $6) END"
    " ORDER BY same_id DESC, same_address DESC LIMIT 1";
#define DMGR_SELECT_MACHINE                                              \
  "SELECT *, " DMGR_MICROS("create_time") " AS create_us, " DMGR_MICROS( \
      "update_time") " AS update_us FROM machine "
constexpr char kGet[] = DMGR_SELECT_MACHINE "WHERE machine_id = $1";
constexpr char kList[] =
    DMGR_SELECT_MACHINE "WHERE machine_id > $1 ORDER BY machine_id LIMIT $2::integer";
constexpr char kLock[] = "SELECT 1 FROM machine WHERE machine_id = $1 FOR UPDATE";
constexpr char kClusters[] =
    "SELECT string_agg(DISTINCT cluster_name, ', ') AS names FROM ("
    " SELECT cluster_name FROM cluster_topology WHERE machine_id = $1"
    " UNION SELECT cluster_name FROM cluster_host WHERE machine_id = $1) AS used";
constexpr char kLeftBy[] =
    "SELECT string_agg(DISTINCT cluster_name, ', ') AS names FROM machine_leftover"
    " WHERE machine_id = $1";
// Two changes at once could close a circle.
constexpr char kLockJumps[] = "SELECT pg_advisory_xact_lock(hashtextextended('jump hosts', 0))";
// How many in a row are reached through $1, at most $2 + 1.
constexpr char kCountBehind[] =
    "WITH RECURSIVE behind(id, n) AS (SELECT machine_id, 1 FROM machine WHERE via = $1"
    " UNION ALL SELECT m.machine_id, b.n + 1 FROM machine m JOIN behind b ON m.via = b.id"
    " WHERE b.n <= $2::integer) SELECT coalesce(max(n), 0) AS n FROM behind";
constexpr char kBehind[] =
    "SELECT string_agg(machine_id, ', ' ORDER BY machine_id) AS names FROM machine WHERE via = $1";
constexpr char kLockIdentity[] = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
constexpr char kDelete[] = "DELETE FROM machine WHERE machine_id = $1";

absl::Status NotFound(const std::string& machine_id) {
  return Error(absl::StatusCode::kNotFound, "MACHINE_NOT_FOUND", "no machine {}",
               Printable(machine_id))
      .With("machine_id", Printable(machine_id))
      .Remedy("see the spelling of its id")
      .Next(v1::ACTION_LIST_MACHINES);
}

absl::Status TooManyJumps(const std::string& via) {
  return Error(absl::StatusCode::kFailedPrecondition, "JUMPS_INVALID",
               "the way through machine {} would lead through more than {} machines", via,
               kMaxJumps)
      .With("machine_id", via)
      .Remedy("name one that is nearer to dmgrd");
}

// OK when no other machine stands in the way.
absl::Status CheckUnique(Transaction& tx, const MachineRecord& record, bool is_new) {
  const v1::Machine& m = record.machine;
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kFindSame,
                       {m.machine_id(), m.host(), m.ssh_port(),
                        Param::OrNull(m.facts().machine_identity()), is_new, record.host_key}));
  if (rows.empty()) return absl::OkStatus();
  const pqxx::row row = rows[0];
  const std::string other = Text(row["machine_id"]);
  if (row["same_id"].as<bool>()) {
    return Error(absl::StatusCode::kAlreadyExists, "MACHINE_EXISTS",
                 "machine {} is registered already", other)
        .With("machine_id", other)
        .Remedy("choose another id, or change that one")
        .Next(v1::ACTION_UPDATE_MACHINE, {{"machine_id", other}});
  }
  if (row["same_address"].as<bool>()) {
    return Error(absl::StatusCode::kAlreadyExists, "MACHINE_EXISTS",
                 "{} port {} is registered already as machine {}", m.host(), m.ssh_port(), other)
        .With("machine_id", other)
        .Remedy("use that machine, or change it")
        .Next(v1::ACTION_UPDATE_MACHINE, {{"machine_id", other}});
  }
  return Error(absl::StatusCode::kAlreadyExists, "MACHINE_IDENTITY_TAKEN",
               "{} has the machine-id of machine {} ({} port {}), but another host key: {}",
               m.host(), other, Text(row["host"]), row["ssh_port"].as<int>(),
               m.facts().machine_identity())
      .With("machine_id", other)
      .Remedy(
          "if it is a clone, give it a machine-id of its own: rm /etc/machine-id; "
          "systemd-machine-id-setup; if it is that machine, installed anew, replace it")
      .Next(v1::ACTION_REPLACE_MACHINE, {{"machine_id", other}});
}

absl::StatusOr<pqxx::result> Write(Transaction& tx, const char* sql, const MachineRecord& record) {
  const v1::Machine& m = record.machine;
  ASSIGN_OR_RETURN(const std::string facts, ToJson(m.facts(), "facts of the machine"));
  const std::string allowed =
      nlohmann::json(std::vector<std::string>(m.allowed_users().begin(), m.allowed_users().end()))
          .dump();
  std::vector<Param> params = {m.machine_id(),
                               m.host(),
                               m.ssh_port(),
                               m.user(),
                               ToText(m.privilege()),
                               record.host_key,
                               m.host_key_fingerprint(),
                               m.far_end_dir(),
                               ToText(m.credential_kind()),
                               Param::Bytes(record.sealed_credential),
                               Param::OrNull(m.facts().machine_identity()),
                               facts,
                               m.description(),
                               MapJson(m.labels()),
                               allowed,
                               Param::OrNull(m.via())};
  if (sql == kUpdate) params.emplace_back(m.etag());
  return Run(tx, sql, params);
}

absl::StatusOr<MachineRecord> Read(const pqxx::row& row) {
  MachineRecord record;
  v1::Machine& m = record.machine;
  m.set_machine_id(Text(row["machine_id"]));
  m.set_host(Text(row["host"]));
  m.set_ssh_port(row["ssh_port"].as<std::uint32_t>());
  m.set_user(Text(row["login_user"]));
  m.set_privilege(FromText<v1::Privilege>(Text(row["privilege"])));
  m.set_host_key_fingerprint(Text(row["host_key_fingerprint"]));
  m.set_far_end_dir(Text(row["far_end_dir"]));
  m.set_credential_kind(FromText<v1::CredentialKind>(Text(row["credential_kind"])));
  m.set_etag(Text(row["row_version"]));
  m.set_description(Text(row["description"]));
  m.set_via(Text(row["via"]));
  ReadMap(row["labels"], m.mutable_labels());
  const auto allowed = nlohmann::json::parse(Text(row["allowed_users"]), nullptr, false);
  for (const auto& name : allowed) m.add_allowed_users(name.is_string() ? name : "");
  SetTime(row["create_us"], &m, &v1::Machine::mutable_create_time);
  SetTime(row["update_us"], &m, &v1::Machine::mutable_update_time);
  RETURN_IF_ERROR(FromJson(Text(row["facts"]), m.mutable_facts(),
                           fmt::format("facts of machine {}", m.machine_id())));
  record.host_key = Text(row["host_key"]);
  record.sealed_credential = Bytes(row["sealed_credential"]);
  return record;
}

}  // namespace

absl::StatusOr<std::vector<MachineRecord>> ListJumps(Transaction& tx, const std::string& via) {
  std::vector<MachineRecord> jumps;
  for (std::string next = via; !next.empty(); next = jumps.front().machine.via()) {
    if (jumps.size() == kMaxJumps) return TooManyJumps(via);
    ASSIGN_OR_RETURN(MachineRecord record, GetMachine(tx, next));
    jumps.insert(jumps.begin(), std::move(record));
  }
  return jumps;
}

absl::Status CheckJumps(Transaction& tx, const std::string& machine_id, const std::string& via) {
  if (via.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(Run(tx, kLockJumps, {}).status());
  ASSIGN_OR_RETURN(const auto jumps, ListJumps(tx, via));
  for (const auto& jump : jumps) {
    if (jump.machine.machine_id() != machine_id) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "JUMPS_INVALID",
                 "the way to machine {} through {} leads through itself", machine_id, via)
        .With("machine_id", machine_id)
        .Remedy("name a machine that is reached without it");
  }
  ASSIGN_OR_RETURN(const pqxx::result behind, Run(tx, kCountBehind, {machine_id, kMaxJumps}));
  if (static_cast<int>(jumps.size()) + behind[0]["n"].as<int>() <= kMaxJumps) {
    return absl::OkStatus();
  }
  return TooManyJumps(via);
}

absl::Status InsertMachine(Transaction& tx, const MachineRecord& record) {
  RETURN_IF_ERROR(CheckJumps(tx, record.machine.machine_id(), record.machine.via()));
  RETURN_IF_ERROR(Run(tx, kLockIdentity, {record.machine.facts().machine_identity()}).status());
  RETURN_IF_ERROR(CheckUnique(tx, record, true));
  ASSIGN_OR_RETURN(const pqxx::result rows, Write(tx, kInsert, record));
  if (rows.affected_rows() == 1) return absl::OkStatus();
  RETURN_IF_ERROR(CheckUnique(tx, record, true));
  return Error(absl::StatusCode::kAborted, "CONCURRENT_CHANGE",
               "machine {}: another one like it was removed just now", record.machine.machine_id())
      .Remedy("repeat the call");
}

absl::Status UpdateMachine(Transaction& tx, const MachineRecord& record) {
  RETURN_IF_ERROR(CheckJumps(tx, record.machine.machine_id(), record.machine.via()));
  RETURN_IF_ERROR(Run(tx, kLockIdentity, {record.machine.facts().machine_identity()}).status());
  RETURN_IF_ERROR(CheckUnique(tx, record, false));
  ASSIGN_OR_RETURN(const pqxx::result rows, Write(tx, kUpdate, record));
  const std::string& id = record.machine.machine_id();
  if (rows.affected_rows() == 1) return Run(tx, kMoveInstances, {id}).status();
  RETURN_IF_ERROR(GetMachine(tx, id).status());
  return Error(absl::StatusCode::kAborted, "ETAG_MISMATCH",
               "machine {} was changed by somebody else meanwhile", id)
      .With("machine_id", id)
      .Remedy("read it again and repeat the change");
}

absl::StatusOr<MachineRecord> GetMachine(Transaction& tx, const std::string& machine_id) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {machine_id}));
  if (rows.empty()) return NotFound(machine_id);
  return Read(rows[0]);
}

absl::StatusOr<std::vector<MachineRecord>> ListMachines(Transaction& tx,
                                                        const std::string& after_id, int limit) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kList, {after_id, limit}));
  std::vector<MachineRecord> records;
  for (const pqxx::row& row : rows) {
    ASSIGN_OR_RETURN(MachineRecord record, Read(row));
    records.push_back(std::move(record));
  }
  return records;
}

absl::Status DeleteMachine(Transaction& tx, const std::string& machine_id, bool force) {
  // The lock keeps a deploy from taking the machine between the look and the removal.
  ASSIGN_OR_RETURN(const pqxx::result locked, Run(tx, kLock, {machine_id}));
  if (locked.empty()) return NotFound(machine_id);
  ASSIGN_OR_RETURN(const pqxx::result used, Run(tx, kClusters, {machine_id}));
  if (!used[0]["names"].is_null()) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_IN_USE",
                 "machine {} has instances of: {}", machine_id, Text(used[0]["names"]))
        .With("machine_id", machine_id)
        .With("clusters", Text(used[0]["names"]))
        .Remedy("destroy these clusters first");
  }
  ASSIGN_OR_RETURN(const pqxx::result behind, Run(tx, kBehind, {machine_id}));
  if (!behind[0]["names"].is_null()) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_IS_JUMP_HOST",
                 "other machines are reached through machine {}: {}", machine_id,
                 Text(behind[0]["names"]))
        .With("machine_id", machine_id)
        .With("machines", Text(behind[0]["names"]))
        .Remedy("have them reached otherwise first, or remove them")
        .Next(v1::ACTION_LIST_MACHINES);
  }
  ASSIGN_OR_RETURN(const pqxx::result left, Run(tx, kLeftBy, {machine_id}));
  if (!force && !left[0]["names"].is_null()) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_HAS_LEFTOVERS",
                 "machine {} still has what was left there when it could not be reached, of: {}",
                 machine_id, Text(left[0]["names"]))
        .With("machine_id", machine_id)
        .With("clusters", Text(left[0]["names"]))
        .Remedy("clean it; if the host is gone for good, remove it by force")
        .Next(v1::ACTION_CLEAN_MACHINE, {{"machine_id", machine_id}});
  }
  return Run(tx, kDelete, {machine_id}).status();
}

}  // namespace dmgr::store
