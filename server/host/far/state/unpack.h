// Unpacks a release from the chunks of a request, and hashes what comes.
#ifndef DMGR_SERVER_HOST_FAR_STATE_UNPACK_H_
#define DMGR_SERVER_HOST_FAR_STATE_UNPACK_H_

#include <cstdint>
#include <string>

#include "server/host/far/base/call.h"

namespace dmgr::far {

struct UnpackLimits {
  // Exact.
  std::uint64_t compressed_bytes = 0;
  // At most.
  std::uint64_t unpacked_bytes = 0;
  // BLAKE2b-256 of what comes, hex.
  std::string archive_hash;
};

// Takes chunks up to the last one. The tree is on disk when it returns. Throws CORRUPT for another
// archive than announced, and for what is no release: anything but directories, regular files, and
// links that stay inside.
// dir: empty, and only root's; path: its name for people.
void Unpack(Call& call, int dir, const std::string& path, const UnpackLimits& limits);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_UNPACK_H_
