#include "server/resources/resources.h"

#include <fmt/format.h>

namespace dmgr {

std::string PackageTree(const Resources& resources, const std::string& version) {
  return fmt::format("{}/packages/{}/tree", resources.warehouse_dir, version);
}

std::string ReleaseArchive(const Resources& resources, const std::string& version,
                           const std::string& hash) {
  return fmt::format("{}/packages/{}/releases/{}.tar.zst", resources.warehouse_dir, version, hash);
}

std::string ClusterDir(const std::string& cluster_path, const std::string& cluster_name) {
  return fmt::format("{}/cluster/{}", cluster_path, cluster_name);
}

}  // namespace dmgr
