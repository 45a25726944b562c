// Where dmgrctl keeps its sessions: one token for each context, and for each address that was used
// without one.
#ifndef DMGR_CLIENT_CONTEXT_CREDENTIALS_H_
#define DMGR_CLIENT_CONTEXT_CREDENTIALS_H_

#include <string>

#include "absl/status/status.h"
#include "client/context/target.h"

namespace dmgr::client {

// credentials.json in the folder of files.h; mode 0600.
std::string CredentialsPath();

// The token for a server: the environment's DMGR_TOKEN, or what was saved; empty when neither. A
// saved one goes only to the address that gave it.
std::string LoadToken(const Target& target);
// Saves, or with an empty token forgets.
absl::Status SaveToken(const Target& target, const std::string& user, const std::string& token);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_CONTEXT_CREDENTIALS_H_
