// Completion of the command line in a shell.
#ifndef DMGR_CLIENT_COMPLETION_H_
#define DMGR_CLIENT_COMPLETION_H_

#include <string>

namespace CLI {
class App;
}

namespace dmgr::client {

// A script for bash, of all commands. `app` may be any of them.
std::string BashCompletion(const CLI::App& app);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMPLETION_H_
