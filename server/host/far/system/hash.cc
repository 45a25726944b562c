#include "server/host/far/system/hash.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "server/host/far/base/failure.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kHashDigest = 32;
constexpr std::size_t kHashBuffer = 256U << 10;

}  // namespace

Hasher::Hasher() {
  if (sodium_init() < 0) std::abort();
  crypto_generichash_init(&state_, nullptr, 0, kHashDigest);
}

void Hasher::Add(const void* data, std::size_t size) {
  crypto_generichash_update(&state_, static_cast<const unsigned char*>(data), size);
}

std::string Hasher::Finish() {
  unsigned char digest[kHashDigest];
  crypto_generichash_final(&state_, digest, sizeof(digest));
  char text[2 * kHashDigest + 1];
  sodium_bin2hex(text, sizeof(text), digest, sizeof(digest));
  return text;
}

std::string HashOf(const Call& call, int fd, const std::string& path) {
  Hasher hasher;
  const auto buffer = std::make_unique<char[]>(kHashBuffer);
  while (true) {
    call.CheckCancelled();
    const ssize_t got = read(fd, buffer.get(), kHashBuffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw SystemFailure("cannot read", path, errno);
    if (got == 0) return hasher.Finish();
    hasher.Add(buffer.get(), static_cast<std::size_t>(got));
  }
}

}  // namespace dmgr::far
