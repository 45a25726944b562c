// Patches: a program that takes the place of a package's.
#ifndef DMGR_SERVER_PACKAGE_PATCH_H_
#define DMGR_SERVER_PACKAGE_PATCH_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::package {

// Makes a patch of the file at path, called file_name by who sent it: an ELF executable, or a
// tarball, plain or compressed, that holds one by its component's name, anywhere. component: empty
// when the name is to tell. Writes work_dir/<patch_id>.tar.zst; work_dir exists. The answer has
// neither size, sha256 nor times. INVALID_ARGUMENT, PATCH_INVALID when there is no such program, or
// more than one.
absl::StatusOr<v1::Patch> MakePatch(const std::string& path, const std::string& file_name,
                                    const std::string& component, const std::string& work_dir);

}  // namespace dmgr::package

#endif  // DMGR_SERVER_PACKAGE_PATCH_H_
