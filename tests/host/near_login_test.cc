// What is said of a login that runs no commands.
#include <catch2/catch.hpp>

#include "common/error.h"
#include "server/host/near/login_words.h"

namespace dmgr::testing {
namespace {

struct Login {
  const char* words;
  int exit_status;
  const char* remedy;
};

TEST_CASE("a login that runs no commands is told in the host's words, with what helps") {
  const Login logins[] = {
      {"WARNING: Your password has expired.\nPassword change required but no TTY available.", 1,
       "passwd deployer"},
      {"You are required to change your password immediately (administrator enforced).", 1,
       "chage -d"},
      {"This account is currently not available.", 1, "usermod -s /bin/bash deployer"},
      {"", 1, "usermod -s /bin/bash deployer"},
      {"This service allows sftp connections only.", 1, "ForceCommand internal-sftp"},
      {"Your account has expired; please contact your system administrator.", 1, "chage -E -1"},
      {"backup of 2026-11-27: 12 files", 0, "a command= in its authorized_keys"},
      {"", 0, "getent passwd deployer"}};
  for (const Login& login : logins) {
    CAPTURE(login.words);
    const absl::Status status = host::RunsNoCommands(
        "h1", {.user = "deployer", .exit_status = login.exit_status, .words = login.words});
    CHECK(absl::IsFailedPrecondition(status));
    CHECK(Reason(status) == "LOGIN_RUNS_NO_COMMANDS");
    CHECK_THAT(std::string(Message(status)),
               Catch::StartsWith("h1: the host runs no commands for deployer: ") &&
                   Catch::Contains(login.words) &&
                   Catch::Contains(fmt::format("exit status {}", login.exit_status)));
    CHECK_THAT(Metadata(status, "remedy"), Catch::Contains(login.remedy));
  }
}

}  // namespace
}  // namespace dmgr::testing
