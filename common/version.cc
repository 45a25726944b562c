#include "common/version.h"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace dmgr {
namespace {

constexpr std::size_t kMaxDigits = 5;
constexpr std::size_t kMaxPre = 40;
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kPreCharacters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-";

// Takes a number without leading zeros off the front.
bool TakeNumber(std::string_view* text, int* number) {
  const std::size_t size = std::min(text->find_first_not_of(kDigits), text->size());
  if (size == 0 || size > kMaxDigits || (size > 1 && text->front() == '0')) return false;
  std::from_chars(text->data(), text->data() + size, *number);
  text->remove_prefix(size);
  return true;
}

bool TakeCharacter(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

std::string_view TakeIdentifier(std::string_view* text) {
  const std::string_view identifier = text->substr(0, text->find('.'));
  text->remove_prefix(std::min(identifier.size() + 1, text->size()));
  return identifier;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
}

std::string_view WithoutZeros(std::string_view number) {
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
  return number;
}

// Numbers by their value, before words; words by their bytes.
std::strong_ordering CompareIdentifiers(std::string_view a, std::string_view b) {
  if (IsNumber(a) != IsNumber(b)) {
    return IsNumber(a) ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  if (!IsNumber(a)) return a <=> b;
  a = WithoutZeros(a);
  b = WithoutZeros(b);
  return std::tuple(a.size(), a) <=> std::tuple(b.size(), b);
}

// The one that only goes on where the other ends is the newer one.
std::strong_ordering ComparePre(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a, whole_b = b;
  while (!a.empty() && !b.empty()) {
    const auto order = CompareIdentifiers(TakeIdentifier(&a), TakeIdentifier(&b));
    if (std::is_neq(order)) return order;
  }
  if (a.empty() != b.empty()) {
    return a.empty() ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  // Equal only when they are the same text: "rc.01" is not "rc.1".
  return whole_a <=> whole_b;
}

}  // namespace

std::string_view BuildVersion() { return DMGR_VERSION; }

std::optional<DmVersion> DmVersion::Parse(std::string_view text) {
  DmVersion version;
  if (!TakeCharacter(&text, 'v') || !TakeNumber(&text, &version.major) ||
      !TakeCharacter(&text, '.') || !TakeNumber(&text, &version.minor) ||
      !TakeCharacter(&text, '.') || !TakeNumber(&text, &version.patch)) {
    return std::nullopt;
  }
  const auto is_suffix = [](std::string_view suffix) {
    return !suffix.empty() && suffix.size() <= kMaxPre &&
           suffix.find_first_not_of(kPreCharacters) == std::string_view::npos;
  };
  if (const auto plus = text.find('+'); plus != std::string_view::npos) {
    version.build = text.substr(plus + 1);
    if (!is_suffix(version.build)) return std::nullopt;
    text = text.substr(0, plus);
  }
  if (text.empty()) return version;
  if (!TakeCharacter(&text, '-') || !is_suffix(text)) return std::nullopt;
  version.pre = text;
  return version;
}

std::string_view WithoutBuild(std::string_view version) {
  return version.substr(0, version.find('+'));
}

std::strong_ordering DmVersion::operator<=>(const DmVersion& other) const {
  const auto release =
      std::tie(major, minor, patch) <=> std::tie(other.major, other.minor, other.patch);
  if (std::is_neq(release)) return release;
  if (pre.empty() != other.pre.empty()) {
    return pre.empty() ? std::strong_ordering::greater : std::strong_ordering::less;
  }
  if (const auto order = ComparePre(pre, other.pre); std::is_neq(order)) return order;
  return ComparePre(build, other.build);
}

}  // namespace dmgr
