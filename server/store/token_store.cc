#include "server/store/token_store.h"

#include "server/store/enums.h"
#include "server/store/pg.h"
#include "server/store/user_rows.h"

namespace dmgr::store {
namespace {

// Of the token t; its role and grants are named apart from its user's.
#define DMGR_TOKEN_COLUMNS \
  "t.user_name, t.token_name, t.role AS token_role, t.grants AS token_grants, "         \
  DMGR_MICROS("t.create_time") " AS made_us, " DMGR_MICROS("t.expire_time")             \
  " AS expire_us, " DMGR_MICROS("t.last_use_time") " AS used_us"

constexpr char kDeleteOf[] = "DELETE FROM api_token WHERE user_name = $1";
constexpr char kLiveOf[] =
    "SELECT token_name FROM api_token WHERE user_name = $1 AND expire_time > clock_timestamp()"
    " ORDER BY token_name";
constexpr char kInsert[] =
    "INSERT INTO api_token AS t (user_name, token_name, token_hash, role, grants, expire_time)"
    " VALUES ($1, $2, $3, $4, $5::jsonb,"
    " clock_timestamp() + $6::bigint * interval '1 microsecond')"
    " ON CONFLICT (user_name, token_name) DO NOTHING RETURNING " DMGR_TOKEN_COLUMNS;
constexpr char kCount[] =
    "SELECT count(*) AS n FROM api_token WHERE user_name = $1 AND expire_time > clock_timestamp()";
constexpr char kFind[] =
    "SELECT " DMGR_TOKEN_COLUMNS ", " DMGR_USER_COLUMNS
    ", t.expire_time > clock_timestamp() AS live,"
    " coalesce(t.last_use_time < clock_timestamp() - interval '1 minute', true) AS stale"
    " FROM api_token t JOIN \"user\" u USING (user_name) WHERE t.token_hash = $1";
constexpr char kTouch[] =
    "UPDATE api_token SET last_use_time = clock_timestamp() WHERE token_hash = $1";
constexpr char kList[] = "SELECT " DMGR_TOKEN_COLUMNS
                         " FROM api_token t WHERE ($1 = '' OR t.user_name = $1)"
                         " AND (t.user_name, t.token_name) > ($2, $3)"
                         " ORDER BY t.user_name, t.token_name LIMIT $4::integer";
constexpr char kDelete[] = "DELETE FROM api_token WHERE user_name = $1 AND token_name = $2";
constexpr char kPrune[] =
    "DELETE FROM api_token WHERE expire_time < clock_timestamp() - interval '30 days'";

absl::Status Unknown() {
  return Error(absl::StatusCode::kUnauthenticated, "TOKEN_UNKNOWN", "the API token is not known")
      .Remedy("take another one, or log in")
      .Next(v1::ACTION_LOGIN);
}

absl::StatusOr<v1::Token> ReadToken(const pqxx::row& row) {
  v1::Token token;
  token.set_user_name(Text(row["user_name"]));
  token.set_name(Text(row["token_name"]));
  token.set_role(FromText<v1::Role>(Text(row["token_role"])));
  RETURN_IF_ERROR(ReadGrants(row["token_grants"], token.mutable_grants()));
  SetTime(row["made_us"], &token, &v1::Token::mutable_create_time);
  SetTime(row["expire_us"], &token, &v1::Token::mutable_expire_time);
  SetTime(row["used_us"], &token, &v1::Token::mutable_last_use_time);
  return token;
}

}  // namespace

absl::Status InsertToken(Transaction& tx, const std::string& token_hash, absl::Duration ttl,
                         v1::Token* token) {
  ASSIGN_OR_RETURN(const pqxx::result counted, Run(tx, kCount, {token->user_name()}));
  if (counted[0]["n"].as<int>() >= kMaxTokens) {
    return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_TOKENS",
                 "{} has {} API tokens already", token->user_name(), kMaxTokens)
        .With("user", token->user_name())
        .Remedy("delete those that nobody uses: the list says when each was used last");
  }
  ASSIGN_OR_RETURN(const std::string grants, GrantsJson(token->grants()));
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kInsert,
                       {token->user_name(), token->name(), token_hash, ToText(token->role()),
                        grants, absl::ToInt64Microseconds(ttl)}));
  if (rows.empty()) {
    return Error(absl::StatusCode::kAlreadyExists, "TOKEN_EXISTS", "{} has an API token {} already",
                 token->user_name(), token->name())
        .With("user", token->user_name())
        .With("token", token->name())
        .Remedy("choose another name, or delete that one first");
  }
  ASSIGN_OR_RETURN(*token, ReadToken(rows[0]));
  return absl::OkStatus();
}

absl::StatusOr<LiveCaller> FindToken(Transaction& tx, const std::string& token_hash) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kFind, {token_hash}));
  if (rows.empty()) return Unknown();
  const pqxx::row row = rows[0];
  LiveCaller caller;
  ASSIGN_OR_RETURN(caller.token, ReadToken(row));
  if (!row["live"].as<bool>()) {
    return Error(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED", "the API token has expired")
        .Remedy("make another one, or log in")
        .Next(v1::ACTION_LOGIN);
  }
  ASSIGN_OR_RETURN(caller.user, ReadUser(row));
  if (caller.user.disabled()) return Unknown();
  caller.key = {token_hash, row["access_version"].as<std::int64_t>()};
  caller.expire_time = Time(row["expire_us"]);
  caller.is_stale = row["stale"].as<bool>();
  return caller;
}

absl::Status TouchToken(Transaction& tx, const std::string& token_hash) {
  return Run(tx, kTouch, {token_hash}).status();
}

absl::StatusOr<std::vector<v1::Token>> ListTokens(Transaction& tx, const std::string& user_name,
                                                  const std::pair<std::string, std::string>& after,
                                                  int limit) {
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kList, {user_name, after.first, after.second, limit}));
  std::vector<v1::Token> tokens;
  for (const pqxx::row& row : rows) {
    ASSIGN_OR_RETURN(tokens.emplace_back(), ReadToken(row));
  }
  return tokens;
}

absl::Status DeleteToken(Transaction& tx, const std::string& user_name, const std::string& name) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kDelete, {user_name, name}));
  if (rows.affected_rows() > 0) return absl::OkStatus();
  return Error(absl::StatusCode::kNotFound, "TOKEN_NOT_FOUND", "{} has no API token {}",
               Printable(user_name), Printable(name))
      .With("user", Printable(user_name))
      .With("token", Printable(name))
      .Remedy("see the spelling of both names");
}

absl::Status DeleteTokensOf(Transaction& tx, const std::string& user_name) {
  return Run(tx, kDeleteOf, {user_name}).status();
}

absl::StatusOr<std::vector<std::string>> LiveTokensOf(Transaction& tx,
                                                      const std::string& user_name) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kLiveOf, {user_name}));
  std::vector<std::string> names;
  for (const pqxx::row& row : rows) names.push_back(Text(row[0]));
  return names;
}

absl::StatusOr<int> PruneTokens(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result gone, Run(tx, kPrune, {}));
  return static_cast<int>(gone.affected_rows());
}

}  // namespace dmgr::store
