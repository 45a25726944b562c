#include "server/auth/secret_box.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

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
constexpr std::uint64_t kOfBackups = 3;
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

absl::Status CheckOwn(const std::string& path, uid_t owner, mode_t mode, bool by_systemd) {
  if (owner != geteuid() && !(by_systemd && owner == 0)) {
    return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_EXPOSED",
                 "the master key {} belongs to user {}, dmgrd runs as {}: another may change it",
                 path, owner, geteuid())
        .With("path", path)
        .Remedy(fmt::format("chown {} {}", geteuid(), path));
  }
  if ((mode & (by_systemd ? 037 : 077)) != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_EXPOSED",
                 "the master key {} has mode {:04o}: others may read it", path, mode)
        .With("path", path)
        .Remedy(
            fmt::format("chmod 600 {}; if others may have read it, change the credentials", path));
  }
  return absl::OkStatus();
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
  return LoadFrom(path, Keeper::kUser);
}

absl::StatusOr<SecretBox> SecretBox::LoadCredential(const std::string& path) {
  return LoadFrom(path, Keeper::kSystemd);
}

absl::StatusOr<SecretBox> SecretBox::FromHex(std::string_view hex, const std::string& name) {
  Key key = NewKey();
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_hex2bin(key.get(), kKeySize, hex.data(), hex.size(), nullptr, &size, &end) != 0 ||
      size != kKeySize || end != hex.data() + hex.size()) {
    return Invalid(name, fmt::format("does not have {} hex digits", 2 * kKeySize));
  }
  sodium_mprotect_readonly(key.get());
  return SecretBox(std::move(key));
}

absl::StatusOr<SecretBox> SecretBox::LoadFrom(const std::string& path, Keeper keeper) {
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
  const bool by_systemd = keeper == Keeper::kSystemd;
  RETURN_IF_ERROR(CheckOwn(path, found.st_uid, found.st_mode & 07777, by_systemd));
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

std::string SecretBox::FingerprintKey() const {
  static_assert(kKeySize == crypto_kdf_KEYBYTES);
  std::string key(crypto_auth_KEYBYTES, '\0');
  crypto_kdf_derive_from_key(Data(key), key.size(), kOfFingerprints, "dmgrfpr1", key_.get());
  return key;
}

Secret SecretBox::BackupKey() const {
  Secret key(std::string(kKeySize, '\0'));
  crypto_kdf_derive_from_key(Data(key.mutable_text()), kKeySize, kOfBackups, "dmgrbkp1",
                             key_.get());
  return key;
}

std::string SecretBox::FingerprintWith(std::string_view key, std::string_view text) {
  std::string mac(crypto_auth_BYTES, '\0');
  if (key.size() == crypto_auth_KEYBYTES)
    crypto_auth(Data(mac), Data(text), text.size(), Data(key));
  return HexEncode(mac);
}

std::string SecretBox::Fingerprint(std::string_view text) const {
  const Secret key(FingerprintKey());
  return FingerprintWith(key.text(), text);
}

bool SecretBox::IsFingerprint(std::string_view text, std::string_view fingerprint) const {
  if (Fingerprint(text) == fingerprint) return true;
  return std::any_of(
      former_fingerprint_keys_.begin(), former_fingerprint_keys_.end(),
      [&](const Secret& key) { return FingerprintWith(key.text(), text) == fingerprint; });
}

bool SecretBox::HasSealed(std::string_view sealed) const {
  return sealed.size() > kIdSize && sealed[0] == kVersion && sealed.substr(1, kIdSize) == id_;
}

absl::StatusOr<std::string> SecretBox::Open(std::string_view sealed,
                                            std::string_view context) const {
  const auto lost = [&](std::string_view why) {
    return Error(absl::StatusCode::kDataLoss, "SECRET_UNREADABLE", "the secret of {} {}", context,
                 why)
        .With("context", context)
        .Remedy(kRestoreRemedy);
  };
  if (sealed.empty()) return lost("is not there");
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
