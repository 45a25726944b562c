// Table "session": who has logged in. All times are by the database's clock.
#ifndef DMGR_SERVER_STORE_SESSION_STORE_H_
#define DMGR_SERVER_STORE_SESSION_STORE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/caller.h"
#include "server/store/database.h"

namespace dmgr::store {

struct SessionLimits {
  // It ends when it is not used for so long, and so long after its login.
  absl::Duration idle = absl::Hours(12);
  absl::Duration lifetime = absl::Hours(7 * 24);
  // Of a user; a further login ends the oldest.
  int per_user = 20;
};

struct SessionRecord {
  // Hashes: of what all tokens of a session have in common, and of the present one.
  std::string session_id;
  std::string token_hash;
  std::string user_name;
};
struct SessionEnds {
  absl::Time expire_time;
  absl::Time idle_time;
};

// The user must be locked.
absl::StatusOr<SessionEnds> OpenSession(Transaction& tx, const SessionRecord& record,
                                        const SessionLimits& limits);
// UNAUTHENTICATED when there is no live session (TOKEN_EXPIRED, TOKEN_UNKNOWN), and when the token
// is not its present one: TOKEN_REUSED. Then the session is to be deleted.
absl::StatusOr<LiveCaller> FindSession(Transaction& tx, const std::string& session_id,
                                       const std::string& token_hash, const SessionLimits& limits);
// It was used just now.
absl::Status TouchSession(Transaction& tx, const std::string& session_id,
                          const SessionLimits& limits);
// A new token in place of this one. UNAUTHENTICATED as FindSession.
absl::StatusOr<SessionEnds> ReplaceToken(Transaction& tx, const SessionRecord& old,
                                         const std::string& new_token_hash,
                                         const SessionLimits& limits);
absl::Status DeleteSession(Transaction& tx, const std::string& session_id);
absl::Status DeleteOtherSessions(Transaction& tx, const std::string& user_name,
                                 const std::string& kept_session_id);
absl::Status DeleteSessionsOf(Transaction& tx, const std::string& user_name);
// Those that ended more than a day ago: until then FindSession can tell why.
absl::StatusOr<int> PruneSessions(Transaction& tx);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_SESSION_STORE_H_
