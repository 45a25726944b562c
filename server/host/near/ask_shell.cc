#include "server/host/near/ask_shell.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "common/ids.h"
#include "common/steady_time.h"
#include "server/host/near/login_words.h"
#include "server/host/near/root_command.h"
#include "server/ssh/remote_text.h"

namespace dmgr::host {
namespace {

// For a command that closed its output to end.
constexpr absl::Duration kAnswerEnd = absl::Seconds(2);
// Of what a login may print before it runs a command.
constexpr std::size_t kMaxAnswer = 64U << 10;

}  // namespace

absl::StatusOr<std::string> AskShell(ssh::Session* session, const std::string& host,
                                     const std::string& command, absl::Time deadline) {
  // On lines of their own, whatever the shell's start-up files print; what answers without running
  // it may repeat the command, but has no reason to print this line.
  const std::string mark = "dmgr-" + HexEncode(RandomBytes(8));
  ASSIGN_OR_RETURN(auto channel,
                   session->Exec(fmt::format("echo; echo {}; {}", mark, command), deadline));
  std::string output;
  char buffer[4096];
  while (output.size() < kMaxAnswer) {
    ASSIGN_OR_RETURN(const std::size_t got, channel->Read(buffer, sizeof(buffer), deadline));
    if (got == 0) break;
    output.append(buffer, got);
  }
  const std::string line = "\n" + mark + "\n";
  if (const auto at = output.find(line); at != output.npos) {
    const std::string answer = ssh::RemoteText(output.substr(at + line.size()), kMaxWords);
    return answer.substr(0, answer.find('\n'));
  }
  ASSIGN_OR_RETURN(const int exit_status,
                   channel->ExitStatus(std::min(deadline, SteadyNow() + kAnswerEnd)));
  output += "\n" + channel->stderr_text();
  return RunsNoCommands(host, {.user = session->user(),
                               .exit_status = exit_status,
                               .words = ssh::RemoteText(output, kMaxWords)});
}

}  // namespace dmgr::host
