// Where dmgrctl keeps its sessions: one token for each server address.
#ifndef DMGR_CLIENT_CONTEXT_CREDENTIALS_H_
#define DMGR_CLIENT_CONTEXT_CREDENTIALS_H_

#include <string>

#include "absl/status/status.h"

namespace dmgr::client {

// $XDG_CONFIG_HOME/dmgr/credentials.json, or ~/.config/dmgr/credentials.json; mode 0600.
std::string CredentialsPath();

// The token for an address: the environment's DMGR_TOKEN, or what was saved; empty when neither.
std::string LoadToken(const std::string& address);
// Saves, or with an empty token forgets. The file is replaced by a rename.
absl::Status SaveToken(const std::string& address, const std::string& user,
                       const std::string& token);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_CONTEXT_CREDENTIALS_H_
