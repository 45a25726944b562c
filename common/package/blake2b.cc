#include "common/package/blake2b.h"

#include <cstdlib>
#include <fstream>
#include <vector>

#include "common/error.h"
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
  std::ifstream in(path, std::ios::binary);
  Blake2b hash;
  std::vector<char> buffer(1U << 20);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hash.Update({buffer.data(), static_cast<std::size_t>(in.gcount())});
  }
  if (in.eof()) return hash.Hex();
  return Error(absl::StatusCode::kInternal, "FILE_UNREADABLE", "cannot read {}", path)
      .With("path", path);
}

}  // namespace dmgr::package
