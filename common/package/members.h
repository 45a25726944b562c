// What an archive is made of. Private to this room.
#ifndef DMGR_COMMON_PACKAGE_MEMBERS_H_
#define DMGR_COMMON_PACKAGE_MEMBERS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace dmgr::package {

// Where a member's content comes from: a file, a text, or nowhere (a directory).
struct Member {
  std::string source_path;
  std::optional<std::string> text;
  std::uint32_t mode = 0644;
};
// By path.
using Members = std::map<std::string, Member>;

// As a .tar.gz.
absl::Status WriteArchive(const std::string& path, const Members& members);

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_MEMBERS_H_
