// Sessions: who has logged in, and with which password.
#ifndef DMGR_SERVER_ACCOUNTS_SESSIONS_H_
#define DMGR_SERVER_ACCOUNTS_SESSIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/auth_service.pb.h"
#include "server/accounts/hashing.h"
#include "server/store/database.h"
#include "server/store/request_store.h"

namespace dmgr::accounts {

// A live session, by its token.
struct Session {
  v1::User user;
  // What the store knows of the token.
  std::string token_hash;
  absl::Time expire_time;
};

// UNAUTHENTICATED that does not tell a wrong user from a wrong password.
absl::Status LoginRefused();

// Thread-safe. What it is given must outlive it.
class Sessions {
 public:
  // first_secret_file: goes when its secret has been used.
  Sessions(store::Database* database, Hashing* hashing, absl::Duration token_lifetime,
           std::string first_secret_file)
      : database_(database),
        hashing_(hashing),
        token_lifetime_(token_lifetime),
        first_secret_file_(std::move(first_secret_file)) {}

  // The session of a token. UNAUTHENTICATED when there is none, or it has expired.
  absl::StatusOr<Session> Find(const std::string& token);
  // Opens one. UNAUTHENTICATED, as LoginRefused; with new_password the password is the one-time
  // secret, and the first admin is made.
  absl::StatusOr<v1::LoginResponse> LogIn(const v1::LoginRequest& request);
  absl::Status LogOut(const Session& session);
  // A new one in place of this one.
  absl::StatusOr<v1::Session> Refresh(const Session& session);
  // Ends the user's other sessions.
  absl::Status ChangePassword(const Session& session, const v1::ChangePasswordRequest& request,
                              const store::Finish& finish);

 private:
  absl::StatusOr<v1::User> CheckPassword(const std::string& user, const std::string& password);

  store::Database* database_;
  Hashing* hashing_;
  const absl::Duration token_lifetime_;
  const std::string first_secret_file_;
};

}  // namespace dmgr::accounts

#endif  // DMGR_SERVER_ACCOUNTS_SESSIONS_H_
