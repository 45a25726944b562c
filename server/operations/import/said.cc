#include "server/operations/import/said.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace dmgr::operations {
namespace {

constexpr std::string_view kUserKey = "User=";
constexpr std::string_view kEndsWord = "\"' \t\n\\";

}  // namespace

std::string UserIn(const std::string& unit_file) {
  const std::vector<std::string> lines = absl::StrSplit(unit_file, '\n');
  // The last one counts for systemd.
  const auto last = std::find_if(lines.rbegin(), lines.rend(),
                                 [](const auto& line) { return line.starts_with(kUserKey); });
  if (last == lines.rend()) return "";
  return std::string(absl::StripTrailingAsciiWhitespace(last->substr(kUserKey.size())));
}

std::string DeployDirIn(const std::string& unit_file, topology::Component component) {
  const std::string script = fmt::format("/scripts/run_{}.sh", topology::Name(component));
  const std::vector<std::string> lines = absl::StrSplit(unit_file, '\n');
  for (const std::string& line : lines) {
    if (!line.starts_with("ExecStart=")) continue;
    const std::size_t end = line.find(script);
    if (end == std::string::npos) continue;
    const std::size_t before = line.find_last_of("\"' =\t", end);
    const std::string dir = line.substr(before + 1, end - before - 1);
    return dir.starts_with('/') ? dir : "";
  }
  return "";
}

std::string FlagIn(const std::string& script, const std::string& flag) {
  const std::string key = fmt::format("--{}=", flag);
  std::size_t at = script.find(key);
  // "--data-dir" is no end of a longer one.
  while (at != std::string::npos && at > 0 && kEndsWord.find(script[at - 1]) == std::string::npos) {
    at = script.find(key, at + 1);
  }
  if (at == std::string::npos) return "";
  at += key.size();
  if (at < script.size() && (script[at] == '"' || script[at] == '\'')) ++at;
  const std::size_t end = std::min(script.find_first_of(kEndsWord, at), script.size());
  return script.substr(at, end - at);
}

}  // namespace dmgr::operations
