#include "server/host/near/root_command.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/ids.h"
#include "common/steady_time.h"
#include "server/host/near/frames.h"
#include "server/ssh/remote_text.h"

namespace dmgr::host {
namespace {

// For a command that closed its output to end.
constexpr absl::Duration kEndTimeout = absl::Seconds(5);

int Count(std::string_view text, std::string_view part) {
  int count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

// Why sudo, which runs with LC_ALL=C, ran nothing, and what helps; empty when it is not sudo that
// refused. A sudo that lacks the program is not a refusal.
std::string SudoRemedy(std::string_view words) {
  const std::pair<const char*, const char*> kRefusals[] = {
      {"a password is required",
       "give dmgr the sudo password, or allow the user sudo without one "
       "(NOPASSWD)"},
      {"not in the sudoers file", "allow the user sudo, for example in /etc/sudoers.d"},
      {"may not run sudo", "allow the user sudo, for example in /etc/sudoers.d"},
      {"is not allowed to execute", "allow the user to run every command with sudo"},
      {"must have a tty", "add to the host's sudoers: Defaults:USER !requiretty"},
      {"no tty present", "give dmgr the sudo password"},
      {"a terminal is required", "give dmgr the sudo password"},
      {"incorrect password", "give dmgr the right sudo password"},
      {"Sorry, try again", "give dmgr the right sudo password"},
      {"account validation failure", "the user's account is locked or has expired on the host"},
      {"sudoers", "mend the host's sudoers: visudo -c"},
  };
  for (const auto& [phrase, remedy] : kRefusals) {
    if (Contains(words, phrase)) return remedy;
  }
  return {};
}

}  // namespace

absl::StatusOr<Started> RootCommands::Start(const std::string& command, const std::string& marker,
                                            absl::Time deadline) {
  // A word that sudo's prompt alone can be.
  const std::string prompt = "dmgr-" + HexEncode(RandomBytes(16));
  std::string line = "env LC_ALL=C ";
  if (BySudo()) {
    line += root_.sudo_password.empty() ? std::string("sudo -n -- ")
                                        : fmt::format("sudo -S -p {} -- ", prompt);
  }
  ASSIGN_OR_RETURN(auto channel, session_->Exec(line + command, deadline));
  MarkerFinder finder(marker);
  bool answered = false;
  char buffer[4096];
  while (true) {
    auto got = channel->Read(buffer, sizeof(buffer), absl::InfinitePast());
    if (got.ok() && *got == 0) return Ended(*channel, prompt, command, deadline);
    if (got.ok()) {
      if (finder.Feed({buffer, *got})) return Started{std::move(channel), finder.rest()};
      if (!finder.gave_up()) continue;
      return Error(absl::StatusCode::kFailedPrecondition, "LOGIN_TOO_TALKATIVE",
                   "{}: the login prints too much before it runs a command", host_)
          .With("host", host_)
          .Remedy("see the shell's start-up files of the login user on the host");
    }
    if (!absl::IsDeadlineExceeded(got.status())) return got.status();
    RETURN_IF_ERROR(AnswerPrompt(*channel, prompt, &answered, deadline));
    if (SteadyNow() >= deadline) {
      const std::string words =
          ssh::RemoteText(finder.rest() + "\n" + channel->stderr_text(), kMaxWords);
      return Error(absl::StatusCode::kDeadlineExceeded, "FAR_END_TIMEOUT",
                   "{}: the far end did not start in time{}{}", host_, words.empty() ? "" : ": ",
                   words)
          .With("host", host_)
          .Remedy(
              "see whether the host is overloaded, sudo asks for more than a password, or another "
              "program than a shell takes the login (its shell, a command= in authorized_keys)");
    }
    RETURN_IF_ERROR(channel->Wait(deadline));
  }
}

absl::Status RootCommands::AnswerPrompt(ssh::Channel& channel, const std::string& prompt,
                                        bool* answered, absl::Time deadline) {
  const int asked = Count(channel.stderr_text(), prompt);
  if (asked > 1) {
    return SudoRefused("the password is wrong", "give dmgr the right one");
  }
  if (asked == 0 || *answered) return absl::OkStatus();
  *answered = true;
  const Secret line(root_.sudo_password.text() + "\n");
  return channel.Write(line.text(), deadline);
}

absl::StatusOr<Started> RootCommands::Ended(ssh::Channel& channel, const std::string& prompt,
                                            const std::string& command, absl::Time deadline) {
  Started ended;
  ASSIGN_OR_RETURN(ended.exit_status,
                   channel.ExitStatus(std::min(deadline, SteadyNow() + kEndTimeout)));
  std::string text = channel.stderr_text();
  for (auto at = text.find(prompt); at != text.npos; at = text.find(prompt)) {
    text.erase(at, prompt.size());
  }
  ended.words = ssh::RemoteText(text, kMaxWords);
  if (!BySudo()) return ended;
  if (const std::string remedy = SudoRemedy(ended.words); !remedy.empty()) {
    return SudoRefused(ended.words, remedy);
  }
  const std::string program = command.substr(0, command.find(' '));
  if (ended.exit_status == 127 && !Contains(ended.words, program)) {
    return SudoRefused(ended.words, "install sudo on the host, or log in as root");
  }
  return ended;
}

absl::Status RootCommands::SudoRefused(const std::string& words, const std::string& remedy) const {
  return Error(absl::StatusCode::kPermissionDenied, "SUDO_REFUSED", "{}: sudo refuses: {}", host_,
               words)
      .With("host", host_)
      .Remedy(remedy)
      .Next(dmgr::v1::ACTION_UPDATE_MACHINE, {{"machine_id", host_}, {"credential", ""}});
}

}  // namespace dmgr::host
