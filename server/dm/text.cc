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

}  // namespace

std::string CleanLine(std::string_view text, std::size_t max_bytes) {
  return CleanOf(text, max_bytes, false);
}

std::string CleanLines(std::string_view text, std::size_t max_bytes) {
  return CleanOf(text, max_bytes, true);
}

}  // namespace dmgr::dm
