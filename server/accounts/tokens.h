// API tokens, as their users and admins manage them.
#ifndef DMGR_SERVER_ACCOUNTS_TOKENS_H_
#define DMGR_SERVER_ACCOUNTS_TOKENS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/token_service.pb.h"
#include "server/accounts/sessions.h"
#include "server/store/database.h"
#include "server/store/request_store.h"

namespace dmgr::accounts {

// Whose tokens a request is about: the caller's, or those of whom it names. PERMISSION_DENIED
// (TOKEN_OF_ANOTHER) unless they are the caller's, or the caller is an admin for everything.
absl::StatusOr<std::string> OwnerOf(const Session& session, const std::string& asked);

// Thread-safe. What it is given must outlive it. Calls that change something end their transaction
// with finish.
class Tokens {
 public:
  Tokens(store::Database* database, absl::Duration longest)
      : database_(database), longest_(longest) {}

  // The secret is in the response only, not in what finish is given. INVALID_ARGUMENT;
  // ALREADY_EXISTS; PERMISSION_DENIED (ROLE_TOO_LOW) when its user has no role as high.
  absl::Status Create(const Session& session, const v1::CreateTokenRequest& request,
                      const store::Finish& finish, v1::CreateTokenResponse* response);
  // NOT_FOUND.
  absl::Status Delete(const Session& session, const v1::DeleteTokenRequest& request,
                      const store::Finish& finish);

 private:
  absl::StatusOr<absl::Duration> TtlOf(const v1::CreateTokenRequest& request) const;

  store::Database* database_;
  const absl::Duration longest_;
};

}  // namespace dmgr::accounts

#endif  // DMGR_SERVER_ACCOUNTS_TOKENS_H_
