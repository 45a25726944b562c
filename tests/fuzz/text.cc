// Short texts of others, each in its own room's hands.
#include "client/known_hosts.h"
#include "client/output/diff.h"
#include "client/output/next_actions.h"
#include "client/output/prefixed.h"
#include "common/address.h"
#include "common/numbers.h"
#include "common/secrets_in_text.h"
#include "common/short_status.h"
#include "common/utf8.h"
#include "common/version.h"
#include "server/ssh/remote_text.h"
#include "server/topology/topology.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

void CheckWords(const std::string& text) {
  const std::string hidden = WithoutSecrets(text);
  Must(WithoutSecrets(hidden) == hidden, "a secret shows when the first one is hidden");
  Must(IsPlainText(OneLine(text, 100), ""), "a line has a control character");
  Must(IsPlainText(client::Harmless(text), "\n\t"), "a terminal obeys a text");
  const std::string remote = ssh::RemoteText(text, 100);
  Must(remote.size() <= 100 && IsPlainText(remote, "\n\t"), "a host's words are not fit");
  FirstLines(text, 100);
  client::ShellQuoted(text);
}

void CheckNames(const std::string& text) {
  if (const auto parsed = ParseHostPort(text); parsed.has_value()) {
    const auto again = ParseHostPort(JoinHostPort(parsed->host, parsed->port));
    Must(again.has_value() && again->host == parsed->host && again->port == parsed->port,
         "an address is not read as it is written");
  }
  IsLoopback(text);
  Must(!IsIpAddress(text) || topology::IsHost(text), "an address is no host");
  if (const auto version = DmVersion::Parse(text); version.has_value()) {
    DmVersion unbuilt = *version;
    unbuilt.build.clear();
    Must(*version == *version && (unbuilt <=> version->Release()) <= 0,
         "a version is newer than its release");
    Must((*version <=> unbuilt) >= 0, "a build is older than what it was built from");
  }
  WithoutBuild(text);
  IsOddNumber(text);
  if (topology::IsClusterName(text)) Must(client::ShellQuoted(text) == text, "a name is quoted");
  if (topology::IsCleanPath(text)) Must(text.front() == '/', "a clean path is not absolute");
}

}  // namespace

void FuzzText(std::string_view input) {
  const std::string text(input);
  CheckWords(text);
  CheckNames(text);
  const std::string before = TakeUntil(&input, '\0');
  const std::string after(input);
  Must(client::LineDiff(before, before).empty(), "a text differs from itself");
  Must(before == after || !client::LineDiff(before, after).empty() || before + "\n" == after ||
           after + "\n" == before,
       "a difference is not shown");
  client::FindKnownKeys(text, "host.example", 22);
  client::FindKnownKeys(text, "10.0.0.1", 2222);
}

}  // namespace dmgr::fuzz
