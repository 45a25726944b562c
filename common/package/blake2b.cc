#include "common/package/blake2b.h"

#include <cstdlib>

#include "common/error.h"
#include "common/files.h"
#include "common/ids.h"

namespace dmgr::package {
namespace {

constexpr std::size_t kDigest = 32;

}  // namespace

Blake2b::Blake2b() {
  if (sodium_init() < 0) std::abort();
  crypto_generichash_init(&state_, nullptr, 0, kDigest);
}

void Blake2b::Update(std::string_view data) {
  crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(data.data()),
                            data.size());
}

std::string Blake2b::Hex() {
  unsigned char digest[kDigest];
  crypto_generichash_final(&state_, digest, sizeof(digest));
  return HexEncode(std::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
}

absl::StatusOr<std::string> Blake2bOfFile(const std::string& path) {
  Blake2b hash;
  const absl::Status read = ReadChunks(path, 0, kFileChunk, [&](std::string_view chunk) {
    hash.Update(chunk);
    return absl::OkStatus();
  });
  if (read.ok()) return hash.Hex();
  return Error(absl::StatusCode::kInternal, "FILE_UNREADABLE", "{}", Message(read))
      .With("path", path);
}

}  // namespace dmgr::package
