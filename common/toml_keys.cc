#include "common/toml_keys.h"

#include <algorithm>
#include <cstddef>

namespace dmgr {
namespace {

// Where the text in quotes that begins at `at` has ended. One of one line ends with it.
std::size_t AfterQuotes(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string_view three = text.substr(at, 3);
  const bool is_long = three.size() == 3 && three[1] == quote && three[2] == quote;
  for (at += is_long ? 3 : 1; at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"') {
      ++at;
    } else if (text[at] == '\n' && !is_long) {
      return at;
    } else if (text[at] == quote && (!is_long || text.substr(at, 3) == three)) {
      return at + (is_long ? 3 : 1);
    }
  }
  return text.size();
}

}  // namespace

int LineOfLongTomlKey(std::string_view text) {
  constexpr std::string_view kBetweenKeys = "=,[]{}\n";
  int parts = 1;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = AfterQuotes(text, at);
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (kBetweenKeys.find(c) != std::string_view::npos) parts = 1;
    if (c == '.' && ++parts > kMaxTomlKeyParts) {
      return static_cast<int>(
                 std::count(text.begin(), text.begin() + static_cast<long>(at), '\n')) +
             1;
    }
    ++at;
  }
  return 0;
}

}  // namespace dmgr
