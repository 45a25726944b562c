#include "common/package/sha256.h"

#include <openssl/evp.h>

#include "common/error.h"
#include "common/files.h"
#include "common/ids.h"

namespace dmgr::package {
namespace {

EVP_MD_CTX* Context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), [](void* p) { EVP_MD_CTX_free(Context(p)); }) {
  EVP_DigestInit_ex(Context(context_.get()), EVP_sha256(), nullptr);
}

void Sha256::Update(std::string_view data) {
  EVP_DigestUpdate(Context(context_.get()), data.data(), data.size());
}

std::string Sha256::Hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(Context(context_.get()), digest, &size);
  return HexEncode(std::string_view(reinterpret_cast<const char*>(digest), size));
}

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  Sha256 hash;
  const absl::Status read = ReadChunks(path, 0, kFileChunk, [&](std::string_view chunk) {
    hash.Update(chunk);
    return absl::OkStatus();
  });
  if (read.ok()) return hash.Hex();
  return Error(absl::StatusCode::kInvalidArgument, "FILE_UNREADABLE", "{}", Message(read))
      .With("path", path);
}

}  // namespace dmgr::package
