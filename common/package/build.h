// Making an offline package.
#ifndef DMGR_COMMON_PACKAGE_BUILD_H_
#define DMGR_COMMON_PACKAGE_BUILD_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace dmgr::package {

// For all architectures that a package may be for.
inline constexpr char kBothArchs[] = "both";

// Makes output_dir/dm-<version>.tar.gz from the component tarballs in components_dir, named as
// PingCAP publishes them (<component>-<version>-<os>-<arch>.tar.gz), and the built-in defaults.
// Everything that is filled in from the defaults is told to on_filled in one line each.
// INVALID_ARGUMENT lists the tarballs and binaries that are missing. Returns the file's path.
absl::StatusOr<std::string> BuildPackage(const std::string& components_dir,
                                         const std::string& version, const std::string& arch,
                                         const std::string& output_dir,
                                         const std::function<void(const std::string&)>& on_filled);

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_BUILD_H_
