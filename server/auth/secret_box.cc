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
#include <filesystem>
#include <new>

#include "common/error.h"
#include "common/ids.h"

namespace dmgr::auth {
namespace {

constexpr std::size_t kKeySize = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kNonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagSize = crypto_aead_xchacha20poly1305_ietf_ABYTES;
// First byte of every sealed text, for the day when the cipher or the key changes.
constexpr char kVersion = 1;
constexpr char kRestoreRemedy[] =
    "put the right master key file back; without it the credentials must be entered again";

unsigned char* Data(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
const unsigned char* Data(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

absl::Status FileError(std::string_view what, const std::string& path) {
  return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_UNUSABLE",
               "cannot {} the master key {}: {}", what, path, std::strerror(errno))
      .With("path", path)
      .Remedy("see that its folder is there, belongs to dmgrd's user and has free space");
}

}  // namespace

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
  // Complete under another name first: a crash leaves no half of a key.
  const std::string made = path + "." + NewUuid();
  {
    const File file(open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.fd() < 0) return FileError("make", made);
    if (write(file.fd(), key.get(), kKeySize) != static_cast<ssize_t>(kKeySize) ||
        fsync(file.fd()) != 0) {
      const absl::Status status = FileError("write", made);
      unlink(made.c_str());
      return status;
    }
  }
  // Unlike rename, link never replaces a key that another one has made meanwhile.
  const int linked = link(made.c_str(), path.c_str());
  const int link_error = errno;
  unlink(made.c_str());
  errno = link_error;
  if (linked != 0 && link_error != EEXIST) return FileError("make", path);
  const std::string folder = std::filesystem::path(path).parent_path();
  const File dir(open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (dir.fd() < 0 || fsync(dir.fd()) != 0) return FileError("sync", path);
  return absl::OkStatus();
}

absl::StatusOr<SecretBox> SecretBox::Load(const std::string& path) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) return FileError("open", path);
  struct stat found {};
  if (fstat(file.fd(), &found) != 0) return FileError("look at", path);
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
  if (!S_ISREG(found.st_mode) || read(file.fd(), key.get(), kKeySize) != kKeySize ||
      read(file.fd(), &more, 1) != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MASTER_KEY_INVALID",
                 "the master key {} is not a file of {} bytes", path, kKeySize)
        .With("path", path)
        .Remedy(kRestoreRemedy);
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
  std::string cipher(plaintext.size() + kTagSize, '\0');
  crypto_aead_xchacha20poly1305_ietf_encrypt(Data(cipher), nullptr, Data(plaintext),
                                             plaintext.size(), Data(context), context.size(),
                                             nullptr, Data(nonce), key_.get());
  return kVersion + nonce + cipher;
}

std::string SecretBox::Fingerprint(std::string_view text) const {
  static_assert(kKeySize == crypto_kdf_KEYBYTES);
  constexpr std::uint64_t kOfFingerprints = 1;
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
  if (sealed.size() < 1 + kNonceSize + kTagSize) return lost("is cut off");
  if (sealed[0] != kVersion) return lost("has a form that this dmgrd does not know");
  const std::string_view nonce = sealed.substr(1, kNonceSize);
  const std::string_view cipher = sealed.substr(1 + kNonceSize);
  std::string plaintext(cipher.size() - kTagSize, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(Data(plaintext), nullptr, nullptr, Data(cipher),
                                                 cipher.size(), Data(context), context.size(),
                                                 Data(nonce), key_.get()) != 0) {
    return lost("was sealed with another master key, or was changed");
  }
  return plaintext;
}

}  // namespace dmgr::auth
