// What a dmgrd that runs takes from its configuration file again.
#ifndef DMGR_SERVER_RELOAD_H_
#define DMGR_SERVER_RELOAD_H_

#include <string>

#include "server/config.h"
#include "server/daemon.h"

namespace dmgr {

// Reads the file anew. What can change without a restart is in force when it returns, also in
// `running`; what cannot is named in the log, each time, until dmgrd is started again. When
// something is wrong with the file the log says so, and nothing changes.
void ReloadConfig(const std::string& file, Config* running, Daemon* daemon);

}  // namespace dmgr

#endif  // DMGR_SERVER_RELOAD_H_
