// Texts with many repetitions, in fewer bytes.
#ifndef DMGR_SERVER_CLUSTERS_PACKED_H_
#define DMGR_SERVER_CLUSTERS_PACKED_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace dmgr::clusters {

// What is unpacked at most: all that dm::KeyStore copies, with the names of the fields.
inline constexpr std::size_t kMaxUnpacked = std::size_t{300} << 20;

absl::StatusOr<std::string> Pack(std::string_view text);

// Empty when it was not packed, or would become larger than kMaxUnpacked.
std::string Unpack(std::string_view packed);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_PACKED_H_
