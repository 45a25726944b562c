#include "server/render/user_unit.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace dmgr::render {
namespace {

// systemd.exec(5): a user's instance starts no process as somebody, be it that user (216/GROUP),
// and takes away no capability (218/CAPABILITIES). What needs a file system namespace it leaves out
// or, from version 254 on, makes a user namespace for, which many hosts refuse.
constexpr std::string_view kOfRoot[] = {"User",
                                        "Group",
                                        "SupplementaryGroups",
                                        "CapabilityBoundingSet",
                                        "AmbientCapabilities",
                                        "ProtectSystem",
                                        "ProtectHome",
                                        "PrivateTmp",
                                        "PrivateDevices",
                                        "ReadWriteDirectories",
                                        "ReadWritePaths",
                                        "OOMScoreAdjust"};
constexpr std::string_view kWantedBy = "WantedBy";

std::string_view KeyOf(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos || line.starts_with('#')) return {};
  std::string_view key = line.substr(0, equals);
  while (!key.empty() && (key.back() == ' ' || key.back() == '\t')) key.remove_suffix(1);
  return key;
}

}  // namespace

std::string ForUserInstance(const std::string& unit) {
  std::string made;
  for (std::size_t at = 0; at < unit.size();) {
    const std::size_t end = std::min(unit.find('\n', at), unit.size());
    const std::string_view line = std::string_view(unit).substr(at, end - at);
    at = end + 1;
    const std::string_view key = KeyOf(line);
    if (std::find(std::begin(kOfRoot), std::end(kOfRoot), key) != std::end(kOfRoot)) continue;
    // There is no other target that such a systemd starts with.
    made += key == kWantedBy ? "WantedBy=default.target" : line;
    made += '\n';
  }
  return made;
}

}  // namespace dmgr::render
