#include "server/auth/secret_box.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "common/error.h"
#include "common/files.h"
#include "common/ids.h"

namespace dmgr::auth {
namespace {

constexpr std::size_t kKeySize = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kNonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagSize = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kIdSize = crypto_kdf_BYTES_MIN;
// First byte of every sealed text: before keys had an id, and since. The id follows it then.
constexpr char kVersionWithoutId = 1;
constexpr char kVersion = 2;
// What is derived from the master key.
constexpr std::uint64_t kOfFingerprints = 1;
constexpr std::uint64_t kOfId = 2;
constexpr char kRestoreRemedy[] =
    "put the right master key file back; without it the credentials must be entered again";

unsigned char* Data(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
const unsigned char* Data(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

absl::Status Unusable(std::string_view what, const std::string& path, std::string_view why) {
  return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_UNUSABLE",
               "cannot {} the master key {}: {}", what, path, why)
      .With("path", path)
      .Remedy("see that its folder is there, belongs to dmgrd's user and has free space");
}

absl::Status Invalid(const std::string& path, std::string_view why) {
  return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_INVALID", "the master key {} {}",
               path, why)
      .With("path", path)
      .Remedy(kRestoreRemedy);
}

// What the cipher binds to the text: a header of constant size, and what the secret is for.
std::string Bound(std::string_view header, std::string_view context) {
  return std::string(header).append(context);
}

}  // namespace

SecretBox::SecretBox(Key key) : key_(std::move(key)), id_(kIdSize, '\0') {
  crypto_kdf_derive_from_key(Data(id_), id_.size(), kOfId, "dmgrkid1", key_.get());
}

std::string SecretBox::Id() const { return HexEncode(id_); }

SecretBox::Key SecretBox::NewKey() {
  // Safe to repeat; only the first call does anything.
  if (sodium_init() < 0) std::abort();
  auto* memory = static_cast<unsigned char*>(sodium_malloc(kKeySize));
  if (memory == nullptr) throw std::bad_alloc();
  return {memory, &sodium_free};
}

absl::Status SecretBox::Create(const std::string& path) {
  const Key key = NewKey();
  randombytes_buf(key.get(), kKeySize);
  const auto made = CreateFileAtomically(path, {reinterpret_cast<const char*>(key.get()), kKeySize},
                                         /*mode=*/0600);
  // Another dmgrd may have made one meanwhile, which is as good.
  return made.ok() ? absl::OkStatus() : Unusable("make", path, Metadata(made.status(), "why"));
}

absl::StatusOr<SecretBox> SecretBox::Load(const std::string& path) {
  // Not by ReadFile: the key is to be in no other memory than that which is locked for it.
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.ok()) {
    if (errno == ELOOP) return Invalid(path, "is a symbolic link");
    if (errno != ENOENT) return Unusable("open", path, std::strerror(errno));
    return Error(absl::StatusCode::kNotFound, "MASTER_KEY_NOT_FOUND",
                 "the master key {} is not there", path)
        .With("path", path)
        .Remedy(kRestoreRemedy);
  }
  struct stat found {};
  if (fstat(file.get(), &found) != 0) return Unusable("look at", path, std::strerror(errno));
  if (!S_ISREG(found.st_mode)) return Invalid(path, "is not a regular file");
  if (found.st_uid != geteuid()) {
    return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_EXPOSED",
                 "the master key {} belongs to user {}, dmgrd runs as {}: another may change it",
                 path, found.st_uid, geteuid())
        .With("path", path)
        .Remedy(fmt::format("chown {} {}", geteuid(), path));
  }
  if ((found.st_mode & 077) != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_EXPOSED",
                 "the master key {} has mode {:04o}: others may read it", path,
                 found.st_mode & 07777)
        .With("path", path)
        .Remedy(
            fmt::format("chmod 600 {}; if others may have read it, change the credentials", path));
  }
  Key key = NewKey();
  unsigned char more = 0;
  if (read(file.get(), key.get(), kKeySize) != kKeySize || read(file.get(), &more, 1) != 0) {
    return Invalid(path, fmt::format("does not have {} bytes", kKeySize));
  }
  sodium_mprotect_readonly(key.get());
  return SecretBox(std::move(key));
}

absl::StatusOr<SecretBox> SecretBox::Open(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) RETURN_IF_ERROR(Create(path));
  return Load(path);
}

std::string SecretBox::Seal(std::string_view plaintext, std::string_view context) const {
  const std::string nonce = RandomBytes(kNonceSize);
  const std::string header = kVersion + id_;
  const std::string bound = Bound(header, context);
  std::string cipher(plaintext.size() + kTagSize, '\0');
  crypto_aead_xchacha20poly1305_ietf_encrypt(Data(cipher), nullptr, Data(plaintext),
                                             plaintext.size(), Data(bound), bound.size(), nullptr,
                                             Data(nonce), key_.get());
  return header + nonce + cipher;
}

std::string SecretBox::Fingerprint(std::string_view text) const {
  static_assert(kKeySize == crypto_kdf_KEYBYTES);
  std::array<unsigned char, crypto_auth_KEYBYTES> key{};
  crypto_kdf_derive_from_key(key.data(), key.size(), kOfFingerprints, "dmgrfpr1", key_.get());
  std::string mac(crypto_auth_BYTES, '\0');
  crypto_auth(Data(mac), Data(text), text.size(), key.data());
  sodium_memzero(key.data(), key.size());
  return HexEncode(mac);
}

absl::StatusOr<std::string> SecretBox::Open(std::string_view sealed,
                                            std::string_view context) const {
  const auto lost = [&](std::string_view why) {
    return Error(absl::StatusCode::kDataLoss, "SECRET_UNREADABLE", "the secret of {} {}", context,
                 why)
        .With("context", context)
        .Remedy(kRestoreRemedy);
  };
  if (sealed.empty()) return lost("is cut off");
  const bool has_id = sealed[0] == kVersion;
  if (!has_id && sealed[0] != kVersionWithoutId) {
    return lost("has a form that this dmgrd does not know");
  }
  const std::size_t header_size = has_id ? 1 + kIdSize : 1;
  if (sealed.size() < header_size + kNonceSize + kTagSize) return lost("is cut off");
  if (has_id && sealed.substr(1, kIdSize) != id_) {
    return lost(fmt::format("was sealed with the master key of id {}, not with that of id {}",
                            HexEncode(sealed.substr(1, kIdSize)), Id()));
  }
  const std::string bound = Bound(has_id ? sealed.substr(0, header_size) : "", context);
  const std::string_view nonce = sealed.substr(header_size, kNonceSize);
  const std::string_view cipher = sealed.substr(header_size + kNonceSize);
  std::string plaintext(cipher.size() - kTagSize, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(Data(plaintext), nullptr, nullptr, Data(cipher),
                                                 cipher.size(), Data(bound), bound.size(),
                                                 Data(nonce), key_.get()) != 0) {
    return lost("was sealed with another master key, or was changed");
  }
  return plaintext;
}

}  // namespace dmgr::auth
