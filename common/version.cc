#include "common/version.h"

#include <regex>
#include <tuple>

namespace dmgr {

std::string_view BuildVersion() { return DMGR_VERSION; }

std::optional<DmVersion> DmVersion::Parse(std::string_view text) {
  static const std::regex kPattern(
      R"(v(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})(?:-([0-9A-Za-z.-]{1,40}))?)");
  std::match_results<std::string_view::const_iterator> m;
  if (!std::regex_match(text.begin(), text.end(), m, kPattern)) return std::nullopt;
  return DmVersion{std::stoi(m[1]), std::stoi(m[2]), std::stoi(m[3]), m[4].str()};
}

std::strong_ordering DmVersion::operator<=>(const DmVersion& other) const {
  const auto release =
      std::tie(major, minor, patch) <=> std::tie(other.major, other.minor, other.patch);
  if (std::is_neq(release)) return release;
  if (pre.empty() != other.pre.empty()) {
    return pre.empty() ? std::strong_ordering::greater : std::strong_ordering::less;
  }
  return pre <=> other.pre;
}

}  // namespace dmgr
