#include "server/host/near/login_words.h"

#include <fmt/format.h>

#include <string_view>

#include "common/error.h"
#include "server/host/near/root_command.h"

namespace dmgr::host {
namespace {

// A phrase by which a kind is known, in the words of pam, nologin, sshd and the shells of Linux
// distributions, and what helps; {0} is the user.
struct Kind {
  std::string_view phrase;
  std::string_view remedy;
};

constexpr std::string_view kNewPassword =
    "on the host, set a new password for {0} (passwd {0}), or end the demand for one (chage -d "
    "\"$(date +%F)\" {0}); or log in as another user";
constexpr std::string_view kShell =
    "on the host, give {0} a shell (usermod -s /bin/bash {0}); or log in as another user who may "
    "use sudo";
constexpr std::string_view kRenewed =
    "on the host, let the account last longer (chage -E -1 {0}); or log in as another user";
constexpr std::string_view kNoSftp =
    "sshd gives {0} sftp only: take the user out of ForceCommand internal-sftp in the host's "
    "sshd_config; or log in as another user who may use sudo";

constexpr Kind kKinds[] = {
    {"assword has expired", kNewPassword},
    {"assword change required", kNewPassword},
    {"required to change your password", kNewPassword},
    {"must change your password", kNewPassword},
    {"ccount has expired", kRenewed},
    {"account is currently not available", kShell},
    {"sftp connections only", kNoSftp},
};

constexpr std::string_view kUnknown =
    "see on the host what a login of {0} runs: its shell (getent passwd {0}), a command= in its "
    "authorized_keys, ForceCommand in sshd_config, the shell's start-up files; let it run the "
    "command that it is given, or log in as another user";

std::string RemedyFor(const LoginAnswer& answer) {
  std::string_view remedy = kUnknown;
  for (const Kind& kind : kKinds) {
    if (!Contains(answer.words, kind.phrase)) continue;
    remedy = kind.remedy;
    break;
  }
  // A shell such as /bin/false says nothing.
  if (answer.words.empty() && answer.exit_status == 1) remedy = kShell;
  return fmt::format(fmt::runtime(remedy), answer.user);
}

}  // namespace

absl::Status RunsNoCommands(const std::string& host, const LoginAnswer& answer) {
  const std::string ended = fmt::format("the login ended with exit status {}", answer.exit_status);
  return Error(absl::StatusCode::kFailedPrecondition, "LOGIN_RUNS_NO_COMMANDS",
               "{}: the host runs no commands for {}: {}", host, answer.user,
               answer.words.empty() ? ended + " and without a word"
                                    : fmt::format("{} ({})", answer.words, ended))
      .With("host", host)
      .With("user", answer.user)
      .With("exit_status", std::to_string(answer.exit_status))
      .Remedy(RemedyFor(answer))
      .Next(dmgr::v1::ACTION_CHECK_MACHINE, {{"machine_id", host}});
}

}  // namespace dmgr::host
