// The first admin, without whom nobody can log in.
#ifndef DMGR_SERVER_ACCOUNTS_FIRST_ADMIN_H_
#define DMGR_SERVER_ACCOUNTS_FIRST_ADMIN_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/user_service.pb.h"
#include "server/store/database.h"

namespace dmgr::accounts {

// The first start: when there is no user yet, makes a one-time secret, stores its hash, and writes
// it to `file`, which its owner alone may read; true then. Who can read it exchanges it for an
// admin, within an hour. False when there are users, or a secret was made before that is still good
// (renew replaces it).
absl::StatusOr<bool> MakeBootstrapSecret(store::Database* database, const std::string& file,
                                         bool renew);
// Makes the first admin at once. FAILED_PRECONDITION when there are users.
absl::Status CreateFirstAdmin(store::Database* database, const std::string& name,
                              const std::string& password);
// Whether it is the one-time secret, which stays. UNAUTHENTICATED when not.
absl::Status CheckBootstrapSecret(store::Database* database, const std::string& secret);
// Exchanges the one-time secret for an admin, once. UNAUTHENTICATED when it is not the one, is too
// old, or there is a user by now.
absl::StatusOr<v1::User> RedeemBootstrapSecret(store::Database* database, const std::string& secret,
                                               const std::string& name,
                                               const std::string& password_hash);

}  // namespace dmgr::accounts

#endif  // DMGR_SERVER_ACCOUNTS_FIRST_ADMIN_H_
