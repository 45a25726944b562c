// BLAKE2b-256, what releases are known by.
#ifndef DMGR_COMMON_PACKAGE_BLAKE2B_H_
#define DMGR_COMMON_PACKAGE_BLAKE2B_H_

#include <sodium.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace dmgr::package {

class Blake2b {
 public:
  Blake2b();
  void Update(std::string_view data);
  // Lower case; ends the hash.
  std::string Hex();

 private:
  crypto_generichash_state state_;
};

// Of a file, lower case hex. INTERNAL when it cannot be read.
absl::StatusOr<std::string> Blake2bOfFile(const std::string& path);

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_BLAKE2B_H_
