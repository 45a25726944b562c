// What a person does with the master key while dmgrd does not serve.
#ifndef DMGR_SERVER_KEY_COMMANDS_H_
#define DMGR_SERVER_KEY_COMMANDS_H_

#include <string>

#include "absl/status/status.h"
#include "server/secrets/key_source.h"
#include "server/secrets/master_key.h"
#include "server/store/database.h"

namespace dmgr {

// What everything that dmgrd seals is sealed for.
secrets::SealContexts AllSealContexts();

// Changes the key, prints what came of it. next_file: with the key to come, made when it is not
// there; empty: beside the key's file, whose place it takes in the end.
absl::Status RotateMasterKey(store::Database* database, const secrets::KeySource& source,
                             const std::string& next_file);

// Gives up what a lost key has sealed, and prints what has to be given again.
absl::Status ForgetSecrets(store::Database* database, const secrets::KeySource& source);

}  // namespace dmgr

#endif  // DMGR_SERVER_KEY_COMMANDS_H_
