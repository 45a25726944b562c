// A question that a host's shell answers to the login, before there is a far end.
#ifndef DMGR_SERVER_HOST_NEAR_ASK_SHELL_H_
#define DMGR_SERVER_HOST_NEAR_ASK_SHELL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ssh/session.h"

namespace dmgr::host {

// The first line that a fixed command prints. LOGIN_RUNS_NO_COMMANDS when the login does something
// else.
absl::StatusOr<std::string> AskShell(ssh::Session* session, const std::string& host,
                                     const std::string& command, absl::Time deadline);

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_ASK_SHELL_H_
