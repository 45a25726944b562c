#include "server/clusters/packed.h"

#include <zstd.h>

namespace dmgr::clusters {
namespace {

// Fast, and names and words of configurations come again and again.
constexpr int kLevel = 3;
// No frame says less of what it becomes: 64 KiB for a few bytes at best.
constexpr std::size_t kMaxRatio = std::size_t{1} << 16;

}  // namespace

absl::StatusOr<std::string> Pack(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), kLevel);
  if (ZSTD_isError(size) != 0) return absl::InternalError(ZSTD_getErrorName(size));
  packed.resize(size);
  return packed;
}

std::string Unpack(std::string_view packed) {
  const auto size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxUnpacked ||
      size / kMaxRatio > packed.size()) {
    return {};
  }
  std::string text(size, '\0');
  const std::size_t got = ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size());
  return ZSTD_isError(got) == 0 && got == size ? text : std::string();
}

}  // namespace dmgr::clusters
