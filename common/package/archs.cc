#include "common/package/archs.h"

#include <algorithm>

namespace dmgr::package {

const std::string& ArchOfPart(const v1::Package& package, const v1::PackageComponent& part) {
  return part.arch().empty() ? package.arch() : part.arch();
}

std::vector<std::string> ArchsOf(const v1::Package& package) {
  std::vector<std::string> archs;
  if (!package.arch().empty()) archs.push_back(package.arch());
  for (const auto& part : package.components()) {
    const std::string& arch = ArchOfPart(package, part);
    if (!arch.empty() && std::ranges::find(archs, arch) == archs.end()) archs.push_back(arch);
  }
  return archs;
}

}  // namespace dmgr::package
