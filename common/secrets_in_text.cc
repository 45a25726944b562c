#include "common/secrets_in_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace dmgr {
namespace {

constexpr std::string_view kHidden = "***";
constexpr std::array<std::string_view, 5> kKeys = {"password", "passwd", "pwd", "secret", "token"};
// What separates words of a log line, and ends a value without quotes.
constexpr std::string_view kEnds = " \t\r\n\"'\\,;&)]}<>";

struct Part {
  std::size_t begin;
  std::size_t end;
};

bool IsKeyAt(std::string_view text, std::size_t at, std::string_view key) {
  if (text.size() - at < key.size()) return false;
  return std::equal(
      key.begin(), key.end(), text.begin() + static_cast<std::ptrdiff_t>(at),
      [](char k, char c) { return k == std::tolower(static_cast<unsigned char>(c)); });
}

std::size_t SkipSpaces(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(' ', at), text.size());
}

// A quote. JSON within JSON has a backslash before it, one more level three.
struct Quote {
  // 0: there is none.
  char character = 0;
  std::size_t backslashes = 0;
};

// The quote at `at`, which is then behind it.
Quote TakeQuote(std::string_view text, std::size_t* at) {
  const std::size_t quote = text.find_first_not_of('\\', *at);
  if (quote == std::string_view::npos || (text[quote] != '"' && text[quote] != '\'')) return {};
  const std::size_t backslashes = quote - *at;
  *at = quote + 1;
  return {text[quote], backslashes};
}

// Where the value in such quotes ends that begins at `begin`.
std::size_t EndOfQuoted(std::string_view text, std::size_t begin, Quote quote) {
  std::size_t before = begin;
  for (std::size_t at = begin; (at = text.find(quote.character, at)) != std::string_view::npos;) {
    std::size_t backslashes = 0;
    while (at - backslashes > before && text[at - backslashes - 1] == '\\') ++backslashes;
    // Those that are more than its own come in pairs of one level, or escape a quote of the value.
    const std::size_t own = std::min(backslashes, quote.backslashes);
    if ((backslashes - own) / (quote.backslashes + 1) % 2 == 0) return at - own;
    before = ++at;
  }
  return text.size();
}

// The value of the key that ends at `at`; empty when there is none.
Part ValueAt(std::string_view text, std::size_t at) {
  const bool quoted_key = TakeQuote(text, &at).character != 0;
  at = SkipSpaces(text, at);
  // "password: must be longer" is said to people.
  if (at >= text.size() || (text[at] != '=' && !(quoted_key && text[at] == ':'))) return {at, at};
  at = SkipSpaces(text, at + 1);
  const Quote quote = TakeQuote(text, &at);
  const std::size_t end = quote.character != 0
                              ? EndOfQuoted(text, at, quote)
                              : std::min(text.find_first_of(kEnds, at), text.size());
  return {at, end};
}

// The password of a word such as mysql://user:password@host/x or user:password@tcp(host); empty
// when there is none.
Part PasswordIn(std::string_view text, Part word) {
  const std::string_view all = text.substr(word.begin, word.end - word.begin);
  const std::size_t scheme = all.find("://");
  const bool is_url = scheme != std::string_view::npos;
  const std::size_t user = is_url ? scheme + 3 : 0;
  const std::size_t at = is_url ? all.substr(0, all.find('/', user)).rfind('@')
                                : std::min(all.rfind("@tcp("), all.rfind("@unix("));
  const std::size_t colon = all.find(':', user);
  if (at == std::string_view::npos || colon >= at) return {word.begin, word.begin};
  return {word.begin + colon + 1, word.begin + at};
}

}  // namespace

std::string WithoutSecrets(std::string_view text) {
  std::vector<Part> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(kEnds, begin), text.size());
    if (end > begin) parts.push_back(PasswordIn(text, {begin, end}));
    begin = end + 1;
  }
  // Not in the last value again: so the whole is looked at once.
  std::size_t covered = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const std::string_view key : kKeys) {
      if (at < covered || !IsKeyAt(text, at, key)) continue;
      parts.push_back(ValueAt(text, at + key.size()));
      covered = parts.back().end;
    }
  }
  std::sort(parts.begin(), parts.end(), [](Part a, Part b) { return a.begin < b.begin; });
  std::string clean;
  std::size_t done = 0;
  for (const Part& part : parts) {
    if (part.begin == part.end || part.end <= done) continue;
    if (part.begin >= done) {
      clean += text.substr(done, part.begin - done);
      clean += kHidden;
    }
    done = part.end;
  }
  clean += text.substr(done);
  return clean;
}

}  // namespace dmgr
