// Names of things that dmgrd knows, for completion.
#ifndef DMGR_CLIENT_COMMANDS_NAMES_H_
#define DMGR_CLIENT_COMMANDS_NAMES_H_

#include <string>
#include <vector>

#include "client/completion.h"
#include "client/environment.h"

namespace dmgr::client {

// Nothing when dmgrd does not say so within two seconds: somebody waits with a finger on a key.
std::vector<std::string> NamesFromServer(Environment& environment, Things things,
                                         const std::string& cluster);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_NAMES_H_
