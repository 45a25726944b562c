// Table "api_token": what services call with. All times are by the database's clock.
#ifndef DMGR_SERVER_STORE_TOKEN_STORE_H_
#define DMGR_SERVER_STORE_TOKEN_STORE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/caller.h"
#include "server/store/database.h"

namespace dmgr::store {

// Of a user, those that have expired not counted.
inline constexpr int kMaxTokens = 100;

// The user must be locked. Fills in when it was made and expires. ALREADY_EXISTS (TOKEN_EXISTS);
// RESOURCE_EXHAUSTED (TOO_MANY_TOKENS).
absl::Status InsertToken(Transaction& tx, const std::string& token_hash, absl::Duration ttl,
                         v1::Token* token);
// UNAUTHENTICATED when there is no live one (TOKEN_EXPIRED, TOKEN_UNKNOWN), or its user is
// disabled.
absl::StatusOr<LiveCaller> FindToken(Transaction& tx, const std::string& token_hash);
// It was used just now.
absl::Status TouchToken(Transaction& tx, const std::string& token_hash);
// By user and name, after such a pair; of one user, or with "" of all.
absl::StatusOr<std::vector<v1::Token>> ListTokens(Transaction& tx, const std::string& user_name,
                                                  const std::pair<std::string, std::string>& after,
                                                  int limit);
// NOT_FOUND (TOKEN_NOT_FOUND).
absl::Status DeleteToken(Transaction& tx, const std::string& user_name, const std::string& name);
// Of a user, all.
absl::Status DeleteTokensOf(Transaction& tx, const std::string& user_name);
// Names of those of a user that are good.
absl::StatusOr<std::vector<std::string>> LiveTokensOf(Transaction& tx,
                                                      const std::string& user_name);
// Those that expired more than 30 days ago.
absl::StatusOr<int> PruneTokens(Transaction& tx);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_TOKEN_STORE_H_
