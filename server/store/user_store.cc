#include "server/store/user_store.h"

#include "server/store/enums.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr char kCount[] = "SELECT count(*) AS n FROM \"user\"";
constexpr char kInsert[] =
    "INSERT INTO \"user\" (user_name, role, password_hash) VALUES ($1, $2, $3)"
    " ON CONFLICT (user_name) DO NOTHING";
constexpr char kGet[] = "SELECT user_name, role, password_hash, " DMGR_MICROS(
    "create_time") " AS create_us FROM \"user\" WHERE user_name = $1";
constexpr char kSetPassword[] =
    "UPDATE \"user\" SET password_hash = $2, update_time = clock_timestamp() WHERE user_name = $1";
// Locked: of two who bring the secret at once, the second one finds it used.
constexpr char kGetBootstrap[] = "SELECT secret_hash FROM bootstrap_secret FOR UPDATE";
constexpr char kSetBootstrap[] =
    "INSERT INTO bootstrap_secret (secret_hash) VALUES ($1)"
    " ON CONFLICT (only_one) DO UPDATE SET secret_hash = $1, create_time = clock_timestamp()";
constexpr char kDeleteBootstrap[] = "DELETE FROM bootstrap_secret";
constexpr char kInsertSession[] =
    "INSERT INTO session (token_hash, user_name, expire_time) VALUES ($1, $2, " DMGR_TIME("$3") ")";
constexpr char kFindSession[] =
    "SELECT u.user_name, u.role, " DMGR_MICROS("u.create_time") " AS create_us, "
    DMGR_MICROS("s.expire_time") " AS expire_us, s.expire_time > clock_timestamp() AS live"
    " FROM session s JOIN \"user\" u USING (user_name) WHERE s.token_hash = $1";
constexpr char kDeleteSession[] = "DELETE FROM session WHERE token_hash = $1";
constexpr char kDeleteOthers[] = "DELETE FROM session WHERE user_name = $1 AND token_hash <> $2";
constexpr char kPrune[] =
    "DELETE FROM session WHERE expire_time < clock_timestamp() - interval '1 day'";
constexpr char kListUsers[] = "SELECT user_name, role, password_hash, " DMGR_MICROS(
    "create_time") " AS create_us FROM \"user\" WHERE user_name > $1 ORDER BY user_name"
    " LIMIT $2::integer";
// Locked: two admins cannot remove each other.
constexpr char kAdmins[] = "SELECT user_name FROM \"user\" WHERE role = 'ADMIN' FOR UPDATE";
constexpr char kDeleteUser[] = "DELETE FROM \"user\" WHERE user_name = $1";
constexpr char kListAudit[] =
    "SELECT audit_id, user_name, peer, method, target, code, operation_id, " DMGR_MICROS(
    "audit_time") " AS audit_us FROM audit_log WHERE $1::bigint = 0 OR audit_id < $1::bigint"
    " ORDER BY audit_id DESC LIMIT $2::integer";
constexpr char kInsertAudit[] =
    "INSERT INTO audit_log (user_name, peer, method, target, code, operation_id)"
    " VALUES ($1, $2, $3, $4, $5::integer, $6)";

absl::Status NotFound(const std::string& name) {
  return Error(absl::StatusCode::kNotFound, "USER_NOT_FOUND", "no user {}", Printable(name))
      .With("user", Printable(name))
      .Remedy("see the spelling of the name");
}

v1::User ReadUser(const pqxx::row& row) {
  v1::User user;
  user.set_name(Text(row["user_name"]));
  user.set_role(FromText<v1::Role>(Text(row["role"])));
  SetTime(row["create_us"], &user, &v1::User::mutable_create_time);
  return user;
}

}  // namespace

absl::StatusOr<int> CountUsers(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kCount, {}));
  return rows[0]["n"].as<int>();
}

absl::Status InsertUser(Transaction& tx, const UserRecord& record) {
  const v1::User& user = record.user;
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kInsert, {user.name(), ToText(user.role()), record.password_hash}));
  if (rows.affected_rows() == 1) return absl::OkStatus();
  return Error(absl::StatusCode::kAlreadyExists, "USER_EXISTS", "user {} exists already",
               user.name())
      .With("user", user.name())
      .Remedy("choose another name");
}

absl::StatusOr<UserRecord> GetUser(Transaction& tx, const std::string& name) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {name}));
  if (rows.empty()) return NotFound(name);
  return UserRecord{ReadUser(rows[0]), Text(rows[0]["password_hash"])};
}

absl::Status SetPasswordHash(Transaction& tx, const std::string& name, const std::string& hash) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kSetPassword, {name, hash}));
  return rows.affected_rows() == 0 ? NotFound(name) : absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> GetBootstrapHash(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGetBootstrap, {}));
  if (rows.empty()) return std::optional<std::string>();
  return std::optional<std::string>(Text(rows[0]["secret_hash"]));
}

absl::Status SetBootstrapHash(Transaction& tx, const std::optional<std::string>& hash) {
  if (hash.has_value()) return Run(tx, kSetBootstrap, {*hash}).status();
  return Run(tx, kDeleteBootstrap, {}).status();
}

absl::Status InsertSession(Transaction& tx, const SessionRecord& record) {
  return Run(tx, kInsertSession,
             {record.token_hash, record.user_name, ToMicros(record.expire_time)})
      .status();
}

absl::StatusOr<LiveSession> FindSession(Transaction& tx, const std::string& token_hash) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kFindSession, {token_hash}));
  if (rows.empty()) {
    return Error(absl::StatusCode::kUnauthenticated, "TOKEN_UNKNOWN", "the session is not known")
        .Remedy("log in again: dmgrctl login");
  }
  const pqxx::row row = rows[0];
  if (!row["live"].as<bool>()) {
    return Error(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED", "the session has expired")
        .Remedy("log in again: dmgrctl login");
  }
  return LiveSession{ReadUser(row), Time(row["expire_us"])};
}

absl::Status DeleteSession(Transaction& tx, const std::string& token_hash) {
  return Run(tx, kDeleteSession, {token_hash}).status();
}

absl::Status DeleteOtherSessions(Transaction& tx, const std::string& user_name,
                                 const std::string& kept_token_hash) {
  return Run(tx, kDeleteOthers, {user_name, kept_token_hash}).status();
}

absl::Status PruneSessions(Transaction& tx) { return Run(tx, kPrune, {}).status(); }

absl::Status InsertAudit(Transaction& tx, const AuditRecord& record) {
  return Run(tx, kInsertAudit,
             {Printable(record.user_name), record.peer, record.method, Printable(record.target),
              record.code, record.operation_id})
      .status();
}

absl::StatusOr<std::vector<v1::User>> ListUsers(Transaction& tx, const std::string& after,
                                                int limit) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kListUsers, {after, limit}));
  std::vector<v1::User> users;
  for (const pqxx::row& row : rows) users.push_back(ReadUser(row));
  return users;
}

absl::Status DeleteUser(Transaction& tx, const std::string& name) {
  ASSIGN_OR_RETURN(const pqxx::result admins, Run(tx, kAdmins, {}));
  if (admins.size() == 1 && Text(admins[0]["user_name"]) == name) {
    return Error(absl::StatusCode::kFailedPrecondition, "LAST_ADMIN",
                 "{} is the only admin and stays", Printable(name))
        .Remedy("make another admin first: dmgrctl user create NAME --role admin");
  }
  ASSIGN_OR_RETURN(const pqxx::result deleted, Run(tx, kDeleteUser, {name}));
  return deleted.affected_rows() == 0 ? NotFound(name) : absl::OkStatus();
}

absl::StatusOr<std::vector<v1::AuditRecord>> ListAudit(Transaction& tx, std::int64_t before,
                                                       int limit) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kListAudit, {before, limit}));
  std::vector<v1::AuditRecord> records;
  for (const pqxx::row& row : rows) {
    v1::AuditRecord& record = records.emplace_back();
    record.set_audit_id(row["audit_id"].as<std::int64_t>());
    SetTime(row["audit_us"], &record, &v1::AuditRecord::mutable_time);
    record.set_user_name(Text(row["user_name"]));
    record.set_peer(Text(row["peer"]));
    record.set_method(Text(row["method"]));
    record.set_target(Text(row["target"]));
    record.set_code(row["code"].as<int>());
    record.set_operation_id(Text(row["operation_id"]));
  }
  return records;
}

}  // namespace dmgr::store
