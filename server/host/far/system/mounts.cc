#include "server/host/far/system/mounts.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <string_view>

#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

bool IsOctal(std::string_view text) {
  return text.find_first_not_of("01234567") == std::string_view::npos;
}

}  // namespace

// Fifth field of each line of mountinfo; blanks and such are written as \040.
std::set<std::string> MountPoints() {
  std::set<std::string> points;
  const std::string table = ReadProc("/proc/self/mountinfo");
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t end = std::min(table.find('\n', at), table.size());
    std::size_t field = at;
    for (int i = 0; i < 4 && field < end; ++i) field = std::min(table.find(' ', field), end) + 1;
    if (field < end) {
      const std::size_t field_end = std::min(table.find(' ', field), end);
      std::string point;
      for (std::size_t i = field; i < field_end; ++i) {
        const bool escaped = table[i] == '\\' && i + 3 < field_end &&
                             IsOctal(std::string_view(table).substr(i + 1, 3));
        if (escaped) {
          point += static_cast<char>(std::stoi(table.substr(i + 1, 3), nullptr, 8));
          i += 3;
        } else {
          point += table[i];
        }
      }
      points.insert(point);
    }
    at = end + 1;
  }
  return points;
}

std::string RealPath(int dir) {
  char target[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(dir);
  const ssize_t size = readlink(link.c_str(), target, sizeof(target));
  return size <= 0 ? "" : std::string(target, static_cast<std::size_t>(size));
}

}  // namespace dmgr::far
