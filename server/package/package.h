// Offline packages: dm-<version>.tar.gz in the compulsory structure of DESIGN.
#ifndef DMGR_SERVER_PACKAGE_PACKAGE_H_
#define DMGR_SERVER_PACKAGE_PACKAGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/package/release.h"
#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::package {

// "v7.5.1" of "dm-v7.5.1.tar.gz". INVALID_ARGUMENT for any other form of name.
absl::StatusOr<std::string> VersionOfFileName(const std::string& file_name);

// Receives the bytes of a package in order, checks them while they come, and unpacks them.
// Everything is refused that does not belong in a package: paths with "..", absolute paths, links
// that lead out, devices, more bytes than the limits, ELF files of mixed or unknown architectures.
// INVALID_ARGUMENT with reason PACKAGE_INVALID lists all that is missing or wrong. One thread.
class Receiver {
 public:
  // work_dir is made and holds only this upload; a Receiver that is destroyed before Finish leaves
  // the unpacked part there for its owner to remove.
  static absl::StatusOr<std::unique_ptr<Receiver>> Create(const std::string& work_dir,
                                                          const std::string& version);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  absl::Status Append(std::string_view data);
  // What is wrong with the unpacked tree beyond its structure, one line each (its templates).
  using CheckTree = std::function<std::vector<std::string>(const std::string& tree_dir)>;
  // The stream has ended. Compares size and sha256 (lower case hex),
  // checks the structure, asks check_tree, and writes the releases. Afterwards work_dir holds
  //   tree/            the package, unpacked (grafana.tar.gz as tree/grafana/)
  //   releases/<hash>.tar.zst
  // and the answer describes it (without create_time).
  absl::StatusOr<v1::Package> Finish(std::uint64_t size_bytes, const std::string& sha256,
                                     const CheckTree& check_tree);

 private:
  struct Impl;
  explicit Receiver(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::package

#endif  // DMGR_SERVER_PACKAGE_PACKAGE_H_
