// The master key and the database that was sealed with it belong together.
#ifndef DMGR_SERVER_SECRETS_MASTER_KEY_H_
#define DMGR_SERVER_SECRETS_MASTER_KEY_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "server/auth/secret_box.h"
#include "server/store/database.h"
#include "server/store/machine_store.h"

namespace dmgr::secrets {

// What secrets are sealed for: to try a key on a database that does not say yet which it needs, and
// to bind anew what was bound to less.
struct SealContexts {
  std::function<std::string(const std::string& machine_id)> former_credential;
  std::function<std::string(const store::MachineRecord& machine)> credential;
  std::function<std::string(const std::string& cluster_uuid)> cluster_key;
};

// Loads the master key from the file at path, and makes it where this database never had one and
// holds nothing sealed. Of several dmgrd with files of their own one makes a key, the others are
// told to get that one. The first time on a database of an earlier version, credentials that were
// sealed for a machine's id alone are sealed for its address, login and host key.
// FAILED_PRECONDITION: KEY_MISSING when there is no file but should be, KEY_MISMATCH when it is not
// the database's key, and what SecretBox::Load says of the file.
absl::StatusOr<auth::SecretBox> OpenMasterKey(store::Database* database, const std::string& path,
                                              const SealContexts& contexts);

}  // namespace dmgr::secrets

#endif  // DMGR_SERVER_SECRETS_MASTER_KEY_H_
