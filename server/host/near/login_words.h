// A login that runs no commands. Private to this room.
#ifndef DMGR_SERVER_HOST_NEAR_LOGIN_WORDS_H_
#define DMGR_SERVER_HOST_NEAR_LOGIN_WORDS_H_

#include <string>

#include "absl/status/status.h"

namespace dmgr::host {

// What a host gave back in place of a command that was asked for.
struct LoginAnswer {
  std::string user;
  int exit_status = 0;
  // All that came on stdout and stderr, made readable.
  std::string words;
};

// FAILED_PRECONDITION, LOGIN_RUNS_NO_COMMANDS: with the host's words, and a remedy for the kinds
// that are known: an expired password, no shell, a command that is forced on the login.
absl::Status RunsNoCommands(const std::string& host, const LoginAnswer& answer);

}  // namespace dmgr::host

#endif  // DMGR_SERVER_HOST_NEAR_LOGIN_WORDS_H_
