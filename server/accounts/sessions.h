// Who calls: sessions, which are opened with a password, API tokens, and certificates.
#ifndef DMGR_SERVER_ACCOUNTS_SESSIONS_H_
#define DMGR_SERVER_ACCOUNTS_SESSIONS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/auth_service.pb.h"
#include "server/accounts/hashing.h"
#include "server/auth/rights.h"
#include "server/store/caller.h"
#include "server/store/database.h"
#include "server/store/request_store.h"
#include "server/store/session_store.h"

namespace dmgr::accounts {

// A client's certificate that a CA has vouched for.
struct Certificate {
  // Whose it says it is.
  std::string user;
  // In hexadecimal digits.
  std::string serial;
  absl::Time expire_time;
};

// A live session, API token or certificate, by which a call comes.
struct Session {
  v1::User user;
  // Both unset of a session.
  std::optional<v1::Token> api_token;
  std::optional<Certificate> certificate;
  // What tells whether it is live still.
  store::CallerKey key;
  // What the caller showed; empty: a certificate.
  std::string token;
  absl::Time expire_time;
  auth::Rights rights;
};

// The roles of a user or of a token.
template <typename Owner>
auth::Roles RolesOf(const Owner& owner) {
  return {owner.role(), {owner.grants().begin(), owner.grants().end()}};
}

// UNAUTHENTICATED that does not tell a wrong user from a wrong password.
absl::Status LoginRefused();

// How many of them there were.
struct Forgotten {
  int sessions = 0;
  int tokens = 0;
};

// Thread-safe. What it is given must outlive it.
class Sessions {
 public:
  // first_secret_file: goes when its secret has been used.
  Sessions(store::Database* database, Hashing* hashing, const store::SessionLimits& limits,
           std::string first_secret_file)
      : database_(database),
        hashing_(hashing),
        limits_(limits),
        first_secret_file_(std::move(first_secret_file)) {}

  // Who shows this token. UNAUTHENTICATED when it is none (TOKEN_UNKNOWN), has expired
  // (TOKEN_EXPIRED), or was replaced (TOKEN_REUSED): then its session ends.
  absl::StatusOr<Session> Find(const std::string& token);
  // Who shows this certificate: may do what its user may. UNAUTHENTICATED (CERTIFICATE_REFUSED)
  // when there is no such user, or a disabled one.
  absl::StatusOr<Session> Find(const Certificate& certificate);
  // Opens one. UNAUTHENTICATED, as LoginRefused; with new_password the password is the one-time
  // secret, and the first admin is made.
  absl::StatusOr<v1::LoginResponse> LogIn(const v1::LoginRequest& request);
  absl::Status LogOut(const Session& session);
  // A new token in place of this one. UNAUTHENTICATED (TOKEN_REUSED) when another call was faster.
  absl::StatusOr<v1::Session> Refresh(const Session& session);
  // Ends the user's other sessions.
  absl::Status ChangePassword(const Session& session, const v1::ChangePasswordRequest& request,
                              const store::Finish& finish);
  // Forgets sessions and API tokens that ended long ago. To be called now and then.
  absl::StatusOr<Forgotten> Prune();

 private:
  absl::StatusOr<v1::User> CheckPassword(const std::string& user, const std::string& password);
  absl::StatusOr<store::LiveCaller> Load(const std::string& token);
  // Of one whose old token was shown.
  absl::Status EndReused(const std::string& session_id, const absl::Status& reused);

  store::Database* database_;
  Hashing* hashing_;
  const store::SessionLimits limits_;
  const std::string first_secret_file_;
};

}  // namespace dmgr::accounts

#endif  // DMGR_SERVER_ACCOUNTS_SESSIONS_H_
