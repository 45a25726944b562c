#include "server/host/far/base/names.h"

#include <algorithm>
#include <string_view>

#include "server/host/far/base/failure.h"

namespace dmgr::far {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";
constexpr std::size_t kMaxUnit = 200;
constexpr std::size_t kMaxAccount = 32;

bool In(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

void CheckUuid(const std::string& uuid) {
  std::string digits = uuid;
  bool dashes = uuid.size() == 36;
  for (const std::size_t at : {23U, 18U, 13U, 8U}) {
    dashes = dashes && uuid[at] == '-';
    if (dashes) digits.erase(at, 1);
  }
  if (!dashes || !IsHex(digits)) throw BadRequest("not a cluster's UUID: " + uuid);
}

bool IsHash(const std::string& hash) { return hash.size() == 64 && IsHex(hash); }

void CheckHash(const std::string& hash) {
  if (!IsHash(hash)) throw BadRequest("not a release's hash: " + hash);
}

void CheckUnit(const std::string& unit) {
  const bool known = std::all_of(unit.begin(), unit.end(), [](char c) {
    return In(c, kLetters) || In(c, kDigits) || In(c, ":_.\\@-");
  });
  const auto dot = unit.rfind('.');
  if (!known || unit.empty() || unit.size() > kMaxUnit || In(unit[0], ".-") ||
      dot == std::string::npos || dot + 1 == unit.size()) {
    throw BadRequest("not a unit's name: " + unit);
  }
}

void CheckAccountName(const std::string& name) {
  const bool known = std::all_of(name.begin(), name.end(), [](char c) {
    return In(c, kLetters) || In(c, kDigits) || In(c, "_.-");
  });
  // sudo's word for everybody.
  if (!known || name.empty() || name == "ALL" || name.size() > kMaxAccount ||
      (!In(name[0], kLetters) && name[0] != '_')) {
    throw BadRequest("not a user's or group's name: " + name);
  }
}

}  // namespace dmgr::far
