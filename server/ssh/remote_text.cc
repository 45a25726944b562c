#include "server/ssh/remote_text.h"

#include <algorithm>

#include "common/utf8.h"

namespace dmgr::ssh {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

bool IsLayout(std::string_view sequence) { return sequence == "\n" || sequence == "\t"; }

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

}  // namespace

std::string RemoteText(std::string_view text, std::size_t max_bytes) {
  // A replacement is three bytes, so the end of the input is more than enough.
  text = Trimmed(text.substr(text.size() - std::min(text.size(), max_bytes)));
  std::string clean;
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0) {
      clean += kReplacement;
    } else if (!IsControl(sequence) || IsLayout(sequence)) {
      clean += sequence;
    }
    text.remove_prefix(sequence.size());
  }
  if (clean.size() > max_bytes) {
    std::size_t cut = clean.size() - max_bytes;
    while (cut < clean.size() && IsContinuation(clean[cut])) ++cut;
    clean.erase(0, cut);
  }
  return clean;
}

}  // namespace dmgr::ssh
