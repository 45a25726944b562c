// The master key and the database that was sealed with it belong together.
#ifndef DMGR_SERVER_SECRETS_MASTER_KEY_H_
#define DMGR_SERVER_SECRETS_MASTER_KEY_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/auth/secret_box.h"
#include "server/secrets/key_source.h"
#include "server/store/database.h"
#include "server/store/machine_store.h"
#include "server/store/seal_key_store.h"
#include "server/store/sealed_store.h"

namespace dmgr::secrets {

// What secrets are sealed for: to try a key on a database that does not say yet which it needs, to
// bind anew what was bound to less, and to seal all anew with another key.
struct SealContexts {
  std::function<std::string(const std::string& machine_id)> former_credential;
  std::function<std::string(const store::MachineRecord& machine)> credential;
  std::function<std::string(const std::string& cluster_uuid)> cluster_key;
  // All that a value of this row may be sealed for, but for a credential's and a former key's.
  std::function<std::vector<std::string>(const store::SealedRow& row)> others;
};

// Loads the master key from where it is kept, and makes its file where this database never had one
// and holds nothing sealed. Of several dmgrd with files of their own one makes a key, the others
// are told to get that one. The first time on a database of an earlier version, credentials that
// were sealed for a machine's id alone are sealed for its address, login and host key.
// FAILED_PRECONDITION: KEY_MISSING when there is no file but should be, KEY_MISMATCH when it is not
// the database's key, KEY_ROTATION_UNFINISHED while the key is being changed, and what LoadKey
// says.
absl::StatusOr<auth::SecretBox> OpenMasterKey(store::Database* database, const KeySource& source,
                                              const SealContexts& contexts);

// Whether a dmgrd with the key of this id may serve; errors as above.
absl::Status CheckRecordedKey(const store::SealKeyRecord& record, const std::string& key_id);

// A record of a key, and whether a key is the recorded one.
store::SealKeyRecord RecordOf(const auth::SecretBox& box);
bool OpensCanary(const auth::SecretBox& box, const std::string& canary);

// Where the next key is until it takes the place of the one in the file.
std::string NextKeyFile(const std::string& key_file);

}  // namespace dmgr::secrets

#endif  // DMGR_SERVER_SECRETS_MASTER_KEY_H_
