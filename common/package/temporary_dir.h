// A folder for work. Private to this room.
#ifndef DMGR_COMMON_PACKAGE_TEMPORARY_DIR_H_
#define DMGR_COMMON_PACKAGE_TEMPORARY_DIR_H_

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/package/tar_writer.h"

namespace dmgr::package {

// A folder that goes away with this object.
class TemporaryDir {
 public:
  static absl::StatusOr<std::unique_ptr<TemporaryDir>> Create(const std::string& prefix) {
    std::string path = prefix + "XXXXXX";
    if (mkdtemp(path.data()) == nullptr) return SystemError("cannot make", path, errno);
    return std::unique_ptr<TemporaryDir>(new TemporaryDir(path));
  }
  ~TemporaryDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDir(const TemporaryDir&) = delete;
  TemporaryDir& operator=(const TemporaryDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDir(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_TEMPORARY_DIR_H_
