// Who calls, as the database knows it.
#ifndef DMGR_SERVER_STORE_CALLER_H_
#define DMGR_SERVER_STORE_CALLER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/token_service.pb.h"
#include "dmgr/v1/user_service.pb.h"
#include "server/store/database.h"

namespace dmgr::store {

// What is watched while a stream of the caller is open.
struct CallerKey {
  // Of its session, or the hash of its API token; with a certificate, its user.
  std::string id;
  // Of its user, as it was when the caller was let in.
  std::int64_t access_version = 0;
  // When its certificate ends, in seconds since 1970; 0: it has come without one.
  std::int64_t certificate_end = 0;
  auto operator<=>(const CallerKey&) const = default;
};

struct LiveCaller {
  CallerKey key;
  v1::User user;
  // Of a call with an API token.
  std::optional<v1::Token> token;
  absl::Time expire_time;
  // That it was used is to be recorded.
  bool is_stale = false;
};

// The caller that shows a certificate of this user, which ends then; its user is not disabled.
// UNAUTHENTICATED (CERTIFICATE_REFUSED) when there is none.
absl::StatusOr<LiveCaller> FindByCertificate(Transaction& tx, const std::string& user_name,
                                             absl::Time end);

// Those of these whose session, token or certificate is live no longer, or whose user may do
// something else.
struct EndedCaller {
  CallerKey key;
  // Its session or token is; what it may do has changed.
  bool is_live = false;
};
absl::StatusOr<std::vector<EndedCaller>> ListEndedCallers(Transaction& tx,
                                                          const std::vector<CallerKey>& keys);

// Where ListEndedCallers may have got something to tell: the channel of NOTIFY.
inline constexpr char kAccessChannel[] = "dmgr_access";

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_CALLER_H_
