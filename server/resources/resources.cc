#include "server/resources/resources.h"

#include <fmt/format.h>

namespace dmgr::operations {

std::string PackageTree(const Services& services, const std::string& version) {
  return fmt::format("{}/packages/{}/tree", services.warehouse_dir, version);
}

std::string ReleaseArchive(const Services& services, const std::string& version,
                           const std::string& hash) {
  return fmt::format("{}/packages/{}/releases/{}.tar.zst", services.warehouse_dir, version, hash);
}

std::string ClusterDir(const std::string& cluster_path, const std::string& cluster_name) {
  return fmt::format("{}/cluster/{}", cluster_path, cluster_name);
}

}  // namespace dmgr::operations
