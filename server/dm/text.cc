#include "server/dm/text.h"

#include <algorithm>

#include "common/secrets_in_text.h"
#include "common/utf8.h"

namespace dmgr::dm {
namespace {

// Of a text that is longer than what is shown, this much more is looked at.
constexpr std::size_t kSlack = 4096;

std::string CleanOf(std::string_view text, std::size_t max_bytes, bool line_breaks) {
  const std::string safe = WithoutSecrets(text.substr(0, max_bytes + kSlack));
  const std::string_view rest = safe;
  std::string clean;
  for (std::size_t at = 0; at < rest.size();) {
    const std::size_t length = Utf8Length(rest.substr(at));
    std::string_view sequence = rest.substr(at, std::max<std::size_t>(length, 1));
    at += sequence.size();
    const bool break_here = line_breaks && sequence == "\n";
    if (!break_here && (length == 0 || IsControl(sequence))) sequence = " ";
    const bool after_blank = clean.empty() || clean.back() == ' ' || clean.back() == '\n';
    if (sequence == " " && after_blank && !line_breaks) continue;
    if (clean.size() + sequence.size() > max_bytes) return clean + "...";
    clean += sequence;
  }
  while (!clean.empty() && (clean.back() == ' ' || clean.back() == '\n')) clean.pop_back();
  return clean + (text.size() > max_bytes + kSlack ? "..." : "");
}

// Shorter ones are found in too many words.
constexpr std::size_t kLeastPassword = 3;

// The value that a YAML's line begins with, behind the key's colon.
std::string_view ValueAt(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  if (!line.empty() && (line.front() == '"' || line.front() == '\'')) {
    const std::size_t end = line.find(line.front(), 1);
    return line.substr(1, end == std::string_view::npos ? end : end - 1);
  }
  line = line.substr(0, std::min(line.find(" #"), line.find_first_of(",}\r")));
  return line.substr(0, line.find_last_not_of(" \t") + 1);
}

}  // namespace

std::string CleanLine(std::string_view text, std::size_t max_bytes) {
  return CleanOf(text, max_bytes, false);
}

std::string CleanLines(std::string_view text, std::size_t max_bytes) {
  return CleanOf(text, max_bytes, true);
}

std::string WithoutPasswordsOf(std::string_view yaml, std::string text) {
  constexpr std::string_view kKey = "password:";
  for (std::size_t at = yaml.find(kKey); at != std::string_view::npos; at = yaml.find(kKey, at)) {
    at += kKey.size();
    const std::string_view password = ValueAt(yaml.substr(at, yaml.find('\n', at) - at));
    if (password.size() < kLeastPassword) continue;
    for (std::size_t i = text.find(password); i != std::string::npos; i = text.find(password, i)) {
      text.replace(i, password.size(), "***");
      i += 3;
    }
  }
  return text;
}

}  // namespace dmgr::dm
