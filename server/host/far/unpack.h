// Unpacks a release from the chunks of a request, and hashes it while it is written.
#ifndef DMGR_SERVER_HOST_FAR_UNPACK_H_
#define DMGR_SERVER_HOST_FAR_UNPACK_H_

#include <cstdint>
#include <string>

#include "server/host/far/call.h"

namespace dmgr::far {

struct UnpackLimits {
  // Exact.
  std::uint64_t compressed_bytes = 0;
  // At most.
  std::uint64_t unpacked_bytes = 0;
};

// Takes chunks up to the last one. The tree is on disk when it returns. Returns the manifest as
// server/package/release.h describes it. Throws CORRUPT for what is no release: anything but
// directories, regular files, and links that stay inside.
// dir: empty, and only root's; path: its name for people.
std::string Unpack(Call& call, int dir, const std::string& path, const UnpackLimits& limits);

// BLAKE2b-256, hex.
std::string HashText(const std::string& text);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_UNPACK_H_
