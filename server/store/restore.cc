#include "server/store/restore.h"

#include <optional>

#include "server/store/operation_store.h"
#include "server/store/pg.h"
#include "server/store/user_store.h"

namespace dmgr::store {
namespace {

constexpr char kLastEpoch[] =
    "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS epoch FROM operation_epoch";
// More than an installation ever uses, and room for half a million restores.
constexpr char kRaiseEpoch[] =
    "SELECT setval('operation_epoch', nextval('operation_epoch') + (1::bigint << 44))";
constexpr char kEndSessions[] = "DELETE FROM session";
// Which of them were revoked since the backup nobody knows.
constexpr char kRevokeTokens[] = "DELETE FROM api_token";

}  // namespace

absl::StatusOr<std::int64_t> LastEpoch(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kLastEpoch, {}));
  return rows[0]["epoch"].as<std::int64_t>();
}

absl::StatusOr<Restored> AfterRestore(Transaction& tx) {
  Restored restored;
  ASSIGN_OR_RETURN(const pqxx::result sessions, Run(tx, kEndSessions, {}));
  restored.sessions = static_cast<int>(sessions.affected_rows());
  ASSIGN_OR_RETURN(const pqxx::result tokens, Run(tx, kRevokeTokens, {}));
  restored.tokens = static_cast<int>(tokens.affected_rows());
  RETURN_IF_ERROR(SetBootstrapHash(tx, std::nullopt));
  ASSIGN_OR_RETURN(restored.operations, ParkRestored(tx));
  RETURN_IF_ERROR(Run(tx, kRaiseEpoch, {}).status());
  return restored;
}

}  // namespace dmgr::store
