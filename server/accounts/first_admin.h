// The first admin, without whom nobody can log in.
#ifndef DMGR_SERVER_ACCOUNTS_FIRST_ADMIN_H_
#define DMGR_SERVER_ACCOUNTS_FIRST_ADMIN_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/user_service.pb.h"
#include "server/store/database.h"

namespace dmgr::accounts {

// The first start: when there is no user yet, stores the hash of a new one-time secret and returns
// the secret, which whoever logs in first exchanges for an admin. Empty when there are users, or a
// secret was given out before (renew replaces it).
absl::StatusOr<std::string> MakeBootstrapSecret(store::Database* database, bool renew);
// Makes the first admin at once. FAILED_PRECONDITION when there are users.
absl::Status CreateFirstAdmin(store::Database* database, const std::string& name,
                              const std::string& password);
// Whether it is the one-time secret, which stays. UNAUTHENTICATED when not.
absl::Status CheckBootstrapSecret(store::Database* database, const std::string& secret);
// Exchanges the one-time secret for an admin, once. UNAUTHENTICATED when it is not the one.
absl::StatusOr<v1::User> RedeemBootstrapSecret(store::Database* database, const std::string& secret,
                                               const std::string& name,
                                               const std::string& password_hash);

}  // namespace dmgr::accounts

#endif  // DMGR_SERVER_ACCOUNTS_FIRST_ADMIN_H_
