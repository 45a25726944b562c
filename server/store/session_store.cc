#include "server/store/session_store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/store/pg.h"
#include "server/store/user_rows.h"

namespace dmgr::store {
namespace {

#define DMGR_LATER(micros) "clock_timestamp() + " micros "::bigint * interval '1 microsecond'"
#define DMGR_ENDS \
  DMGR_MICROS("expire_time") " AS expire_us, " DMGR_MICROS("idle_time") " AS idle_us"
#define DMGR_IS_LIVE "least(s.expire_time, s.idle_time) > clock_timestamp()"

constexpr char kInsert[] =
    "INSERT INTO session (session_id, token_hash, user_name, expire_time, idle_time)"
    " VALUES ($1, $2, $3, " DMGR_LATER("$4") ", " DMGR_LATER("$5") ") RETURNING " DMGR_ENDS;
// Those that have ended are the first to go.
constexpr char kKeepNewest[] =
    "DELETE FROM session WHERE user_name = $1 AND session_id NOT IN (SELECT s.session_id"
    " FROM session s WHERE s.user_name = $1 ORDER BY " DMGR_IS_LIVE
    " DESC, s.create_time DESC,"
    " s.session_id LIMIT $2::integer)";
constexpr char kFind[] =
    "SELECT " DMGR_USER_COLUMNS ", s.token_hash, " DMGR_MICROS("s.expire_time") " AS expire_us, "
    DMGR_IS_LIVE " AND NOT u.disabled AS live, s.idle_time < " DMGR_LATER("$2") " AS stale"
    " FROM session s JOIN \"user\" u USING (user_name) WHERE s.session_id = $1";
constexpr char kTouch[] =
    "UPDATE session SET idle_time = " DMGR_LATER("$2") " WHERE session_id = $1";
constexpr char kReplace[] = "UPDATE session s SET token_hash = $3, idle_time = " DMGR_LATER(
    "$4") " WHERE s.session_id = $1 AND s.token_hash = $2 AND " DMGR_IS_LIVE
          " RETURNING " DMGR_ENDS;
constexpr char kDelete[] = "DELETE FROM session WHERE session_id = $1";
constexpr char kDeleteOthers[] = "DELETE FROM session WHERE user_name = $1 AND session_id <> $2";
constexpr char kDeleteOfUser[] = "DELETE FROM session WHERE user_name = $1";
constexpr char kPrune[] =
    "DELETE FROM session WHERE least(expire_time, idle_time)"
    " < clock_timestamp() - interval '1 day'";
constexpr char kFindUser[] =
    "SELECT " DMGR_USER_COLUMNS " FROM \"user\" u WHERE u.user_name = $1 AND NOT u.disabled";
constexpr char kListEnded[] =
    "WITH caller AS (SELECT n, id, version, until FROM json_to_recordset($1::json)"
    " AS c(n integer, id text, version bigint, until bigint)),"
    " live AS (SELECT c.n, u.access_version AS version FROM caller c"
    " JOIN session s ON s.session_id = c.id JOIN \"user\" u USING (user_name)"
    " WHERE c.until = 0 AND NOT u.disabled AND " DMGR_IS_LIVE
    " UNION ALL SELECT c.n, u.access_version FROM caller c"
    " JOIN api_token t ON t.token_hash = c.id JOIN \"user\" u USING (user_name)"
    " WHERE c.until = 0 AND NOT u.disabled AND t.expire_time > clock_timestamp()"
    " UNION ALL SELECT c.n, u.access_version FROM caller c JOIN \"user\" u ON u.user_name = c.id"
    " WHERE c.until <> 0 AND NOT u.disabled AND to_timestamp(c.until) > clock_timestamp())"
    " SELECT c.n, EXISTS (SELECT FROM live l WHERE l.n = c.n) AS live FROM caller c"
    " WHERE NOT EXISTS (SELECT FROM live l WHERE l.n = c.n AND l.version = c.version)";

// Between two records of use: each is a write.
absl::Duration TouchPeriod(const SessionLimits& limits) {
  return std::min(absl::Minutes(1), limits.idle / 10);
}

absl::Status Unknown() {
  return Error(absl::StatusCode::kUnauthenticated, "TOKEN_UNKNOWN",
               "the session is not known, or has been ended")
      .Remedy("log in again")
      .Next(v1::ACTION_LOGIN);
}

absl::Status Expired() {
  return Error(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED", "the session has expired")
      .Remedy("log in again")
      .Next(v1::ACTION_LOGIN);
}

absl::Status Reused(const std::string& user) {
  return Error(absl::StatusCode::kUnauthenticated, "TOKEN_REUSED",
               "the token was replaced already: somebody else may have it, and the session is "
               "ended")
      .With("user", user)
      .Remedy("log in again; if nobody shares your token on purpose, tell an admin")
      .Next(v1::ACTION_LOGIN);
}

SessionEnds ReadEnds(const pqxx::row& row) {
  const absl::Time expire = Time(row["expire_us"]);
  return {expire, std::min(expire, Time(row["idle_us"]))};
}

}  // namespace

absl::StatusOr<SessionEnds> OpenSession(Transaction& tx, const SessionRecord& record,
                                        const SessionLimits& limits) {
  ASSIGN_OR_RETURN(
      const pqxx::result rows,
      Run(tx, kInsert,
          {record.session_id, record.token_hash, record.user_name,
           absl::ToInt64Microseconds(limits.lifetime), absl::ToInt64Microseconds(limits.idle)}));
  RETURN_IF_ERROR(Run(tx, kKeepNewest, {record.user_name, limits.per_user}).status());
  return ReadEnds(rows[0]);
}

absl::StatusOr<LiveCaller> FindSession(Transaction& tx, const std::string& session_id,
                                       const std::string& token_hash, const SessionLimits& limits) {
  const auto stale_before = absl::ToInt64Microseconds(limits.idle - TouchPeriod(limits));
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kFind, {session_id, stale_before}));
  if (rows.empty()) return Unknown();
  const pqxx::row row = rows[0];
  if (!row["live"].as<bool>()) return Expired();
  LiveCaller caller;
  caller.key = {session_id, row["access_version"].as<std::int64_t>()};
  ASSIGN_OR_RETURN(caller.user, ReadUser(row));
  if (Text(row["token_hash"]) != token_hash) return Reused(caller.user.name());
  caller.expire_time = Time(row["expire_us"]);
  caller.is_stale = row["stale"].as<bool>();
  return caller;
}

absl::Status TouchSession(Transaction& tx, const std::string& session_id,
                          const SessionLimits& limits) {
  return Run(tx, kTouch, {session_id, absl::ToInt64Microseconds(limits.idle)}).status();
}

absl::StatusOr<SessionEnds> ReplaceToken(Transaction& tx, const SessionRecord& old,
                                         const std::string& new_token_hash,
                                         const SessionLimits& limits) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kReplace,
                                                {old.session_id, old.token_hash, new_token_hash,
                                                 absl::ToInt64Microseconds(limits.idle)}));
  if (!rows.empty()) return ReadEnds(rows[0]);
  // Somebody was faster, or it has ended meanwhile.
  RETURN_IF_ERROR(FindSession(tx, old.session_id, old.token_hash, limits).status());
  return Unknown();
}

absl::Status DeleteSession(Transaction& tx, const std::string& session_id) {
  return Run(tx, kDelete, {session_id}).status();
}

absl::Status DeleteOtherSessions(Transaction& tx, const std::string& user_name,
                                 const std::string& kept_session_id) {
  return Run(tx, kDeleteOthers, {user_name, kept_session_id}).status();
}

absl::Status DeleteSessionsOf(Transaction& tx, const std::string& user_name) {
  return Run(tx, kDeleteOfUser, {user_name}).status();
}

absl::StatusOr<int> PruneSessions(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result gone, Run(tx, kPrune, {}));
  return static_cast<int>(gone.affected_rows());
}

absl::StatusOr<LiveCaller> FindByCertificate(Transaction& tx, const std::string& user_name,
                                             absl::Time end) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kFindUser, {user_name}));
  if (rows.empty()) {
    return Error(absl::StatusCode::kUnauthenticated, "CERTIFICATE_REFUSED",
                 "the certificate is for {}, who is no user, or is disabled", Printable(user_name))
        .Remedy("have one made for a user that there is, or an admin let the user in again")
        .Next(v1::ACTION_LOGIN);
  }
  LiveCaller caller;
  caller.key = {user_name, rows[0]["access_version"].as<std::int64_t>(), absl::ToUnixSeconds(end)};
  ASSIGN_OR_RETURN(caller.user, ReadUser(rows[0]));
  caller.expire_time = end;
  return caller;
}

absl::StatusOr<std::vector<EndedCaller>> ListEndedCallers(Transaction& tx,
                                                          const std::vector<CallerKey>& keys) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& key : keys) {
    list.push_back({{"n", list.size()},
                    {"id", key.id},
                    {"version", key.access_version},
                    {"until", key.certificate_end}});
  }
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kListEnded, {list.dump()}));
  std::vector<EndedCaller> ended;
  for (const pqxx::row& row : rows) {
    ended.push_back({keys.at(row["n"].as<std::size_t>()), row["live"].as<bool>()});
  }
  return ended;
}

}  // namespace dmgr::store
