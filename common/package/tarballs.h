// The tarballs that packages are made of. Private to this room.
#ifndef DMGR_COMMON_PACKAGE_TARBALLS_H_
#define DMGR_COMMON_PACKAGE_TARBALLS_H_

#include <filesystem>
#include <string>
#include <vector>

namespace dmgr::package {

// A tarball that a package is made of.
struct TarballRule {
  std::string name;
  // Its version must be the cluster's.
  bool same_version;
  bool optional = false;
};
std::vector<TarballRule> TarballRules();

// Regular files below dir, the nearest to it first.
std::vector<std::filesystem::path> FilesBelow(const std::filesystem::path& dir);

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_TARBALLS_H_
