#include "server/store/user_store.h"

#include <nlohmann/json.hpp>

#include "server/store/enums.h"
#include "server/store/pg.h"
#include "server/store/user_rows.h"

namespace dmgr::store {
namespace {

constexpr char kCount[] = "SELECT count(*) AS n FROM \"user\"";
constexpr char kInsert[] =
    "INSERT INTO \"user\" (user_name, role, password_hash, disabled, grants)"
    " VALUES ($1, $2, $3, $4::boolean, $5::jsonb)"
    " ON CONFLICT (user_name) DO NOTHING";
#define DMGR_SELECT_USER "SELECT u.password_hash, " DMGR_USER_COLUMNS " FROM \"user\" u "
constexpr char kGet[] = DMGR_SELECT_USER "WHERE user_name = $1";
constexpr char kLock[] = DMGR_SELECT_USER "WHERE user_name = $1 FOR NO KEY UPDATE";
constexpr char kUpdate[] =
    "UPDATE \"user\" SET role = $2, disabled = $3::boolean, grants = $4::jsonb,"
    " access_version = access_version + 1, update_time = clock_timestamp() WHERE user_name = $1";
constexpr char kSetPassword[] =
    "UPDATE \"user\" SET password_hash = $2, update_time = clock_timestamp() WHERE user_name = $1";
// Locked: of two who bring the secret at once, the second one finds it used.
constexpr char kGetBootstrap[] =
    "SELECT secret_hash FROM bootstrap_secret"
    " WHERE create_time > clock_timestamp() - interval '1 hour' FOR UPDATE";
constexpr char kSetBootstrap[] =
    "INSERT INTO bootstrap_secret (secret_hash) VALUES ($1)"
    " ON CONFLICT (only_one) DO UPDATE SET secret_hash = $1, create_time = clock_timestamp()";
constexpr char kDeleteBootstrap[] = "DELETE FROM bootstrap_secret";
constexpr char kListUsers[] =
    DMGR_SELECT_USER "WHERE user_name > $1 ORDER BY user_name LIMIT $2::integer";
// Locked: two admins cannot remove each other.
constexpr char kAdmins[] =
    "SELECT user_name FROM \"user\" WHERE role = 'ADMIN' AND NOT disabled FOR UPDATE";
constexpr char kDeleteUser[] = "DELETE FROM \"user\" WHERE user_name = $1";
absl::Status NotFound(const std::string& name) {
  return Error(absl::StatusCode::kNotFound, "USER_NOT_FOUND", "no user {}", Printable(name))
      .With("user", Printable(name))
      .Remedy("see the spelling of the name");
}

// Until the transaction ends no other admin comes or goes.
absl::Status CheckAdminStays(Transaction& tx, const std::string& without) {
  ASSIGN_OR_RETURN(const pqxx::result admins, Run(tx, kAdmins, {}));
  if (admins.size() != 1 || Text(admins[0]["user_name"]) != without) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "LAST_ADMIN",
               "{} is the only admin and stays", Printable(without))
      .With("user", Printable(without))
      .Remedy("make another admin first")
      .Next(v1::ACTION_CREATE_USER, {{"role", "admin"}});
}

}  // namespace

absl::StatusOr<std::string> GrantsJson(const Grants& grants) {
  std::string all;
  for (const auto& grant : grants) {
    ASSIGN_OR_RETURN(const std::string one, ToJson(grant, "grant"));
    all += (all.empty() ? "" : ",") + one;
  }
  return "[" + all + "]";
}

absl::Status ReadGrants(const pqxx::field& field, Grants* grants) {
  for (const auto& grant : nlohmann::json::parse(Text(field))) {
    RETURN_IF_ERROR(FromJson(grant.dump(), grants->Add(), "grant"));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::User> ReadUser(const pqxx::row& row) {
  v1::User user;
  user.set_name(Text(row["user_name"]));
  user.set_role(FromText<v1::Role>(Text(row["role"])));
  user.set_disabled(row["disabled"].as<bool>());
  RETURN_IF_ERROR(ReadGrants(row["grants"], user.mutable_grants()));
  SetTime(row["create_us"], &user, &v1::User::mutable_create_time);
  SetTime(row["update_us"], &user, &v1::User::mutable_update_time);
  return user;
}

absl::StatusOr<int> CountUsers(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kCount, {}));
  return rows[0]["n"].as<int>();
}

absl::Status InsertUser(Transaction& tx, const UserRecord& record) {
  const v1::User& user = record.user;
  ASSIGN_OR_RETURN(const std::string grants, GrantsJson(user.grants()));
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kInsert,
                                                {user.name(), ToText(user.role()),
                                                 record.password_hash, user.disabled(), grants}));
  if (rows.affected_rows() == 1) return absl::OkStatus();
  return Error(absl::StatusCode::kAlreadyExists, "USER_EXISTS", "user {} exists already",
               user.name())
      .With("user", user.name())
      .Remedy("choose another name");
}

absl::StatusOr<UserRecord> GetUser(Transaction& tx, const std::string& name) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kGet, {name}));
  if (rows.empty()) return NotFound(name);
  UserRecord record;
  ASSIGN_OR_RETURN(record.user, ReadUser(rows[0]));
  record.password_hash = Text(rows[0]["password_hash"]);
  return record;
}

absl::StatusOr<UserRecord> LockUser(Transaction& tx, const std::string& name) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kLock, {name}));
  if (rows.empty()) return NotFound(name);
  UserRecord record;
  ASSIGN_OR_RETURN(record.user, ReadUser(rows[0]));
  record.password_hash = Text(rows[0]["password_hash"]);
  return record;
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

absl::StatusOr<std::vector<v1::User>> ListUsers(Transaction& tx, const std::string& after,
                                                int limit) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kListUsers, {after, limit}));
  std::vector<v1::User> users;
  for (const pqxx::row& row : rows) {
    ASSIGN_OR_RETURN(users.emplace_back(), ReadUser(row));
  }
  return users;
}

absl::Status UpdateUser(Transaction& tx, const v1::User& user) {
  if (user.disabled() || user.role() != v1::ROLE_ADMIN) {
    RETURN_IF_ERROR(CheckAdminStays(tx, user.name()));
  }
  ASSIGN_OR_RETURN(const std::string grants, GrantsJson(user.grants()));
  ASSIGN_OR_RETURN(const pqxx::result updated,
                   Run(tx, kUpdate, {user.name(), ToText(user.role()), user.disabled(), grants}));
  return updated.affected_rows() == 0 ? NotFound(user.name()) : absl::OkStatus();
}

absl::Status DeleteUser(Transaction& tx, const std::string& name) {
  RETURN_IF_ERROR(CheckAdminStays(tx, name));
  ASSIGN_OR_RETURN(const pqxx::result deleted, Run(tx, kDeleteUser, {name}));
  return deleted.affected_rows() == 0 ? NotFound(name) : absl::OkStatus();
}

}  // namespace dmgr::store
