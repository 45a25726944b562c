// Changing the master key, and giving it up.
#ifndef DMGR_SERVER_SECRETS_ROTATE_H_
#define DMGR_SERVER_SECRETS_ROTATE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/auth/secret_box.h"
#include "server/secrets/master_key.h"
#include "server/store/database.h"

namespace dmgr::secrets {

struct Rotation {
  // Values that were sealed anew by this call.
  int resealed = 0;
  // Rows that neither of the keys opens, as "machine.sealed_credential of h1": left as they are.
  std::vector<std::string> unreadable;
  // The database had the next key already.
  bool was_done = false;
};

struct RotationOptions {
  // Rows that are sealed anew in one transaction.
  int batch = 100;
  // Called after each commit, with what was done by it: for tests.
  std::function<void(const std::string& what)> committed = nullptr;
};

// Seals all that is sealed with the present key with the next one, and makes that the database's;
// both are recorded from the first transaction to the last, and no dmgrd serves meanwhile. Cut off
// anywhere, it goes on when it is called again with the same keys. The audit log gets a record,
// which the next key chains to what is before it. FAILED_PRECONDITION: KEY_IN_USE, KEY_MISMATCH
// when one of the keys is not that of the record, KEY_MISSING when the database knows of none.
absl::StatusOr<Rotation> RotateMasterKey(store::Database* database, const auth::SecretBox& present,
                                         const auth::SecretBox& next, const SealContexts& contexts,
                                         const RotationOptions& options = {});

// Gives up all that was sealed with a key that is lost, in one transaction: the values go, and
// `next` is the database's key from then on; the audit log says so. present: what is found where
// the key is kept, or nullptr. FAILED_PRECONDITION: KEY_IN_USE; KEY_NOT_LOST when present is the
// right one.
absl::StatusOr<store::Forgotten> ForgetSecrets(store::Database* database,
                                               const auth::SecretBox* present,
                                               const auth::SecretBox& next);

}  // namespace dmgr::secrets

#endif  // DMGR_SERVER_SECRETS_ROTATE_H_
