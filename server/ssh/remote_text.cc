#include "server/ssh/remote_text.h"

#include <algorithm>
#include <cstdint>

namespace dmgr::ssh {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Length of the well-formed sequence at the start of text, 0 when there is none.
std::size_t SequenceLength(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  std::uint32_t code = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? 0 : length;
}

bool IsControl(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1)
    return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7F;
  // U+0080 to U+009F.
  return first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

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
    const std::size_t length = SequenceLength(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0) {
      clean += kReplacement;
    } else if (!IsControl(sequence)) {
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
