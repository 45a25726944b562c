#include "server/backups/seal.h"

#include <algorithm>
#include <cstdint>

#include "common/error.h"
#include "server/backups/sodium.h"

namespace dmgr::backups {
namespace {

constexpr std::string_view kMagic = "DMGRBKUP";
constexpr unsigned char kFormat = 1;
constexpr std::size_t kCheckBytes = 16;
constexpr std::size_t kSaltAt = kMagic.size() + 1;
constexpr std::size_t kCheckAt = kSaltAt + kSaltBytes;
constexpr std::size_t kStreamAt = kCheckAt + kCheckBytes;
constexpr std::size_t kHeaderBytes = kStreamAt + crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr std::size_t kPiece = std::size_t{64} << 10;
constexpr std::size_t kMore = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr unsigned long long kPasses = 3;
constexpr std::size_t kMemory = std::size_t{64} << 20;
// What is derived from the key.
constexpr char kContext[crypto_kdf_CONTEXTBYTES + 1] = "dmgrbkup";
constexpr std::uint64_t kOfStream = 1;
constexpr std::uint64_t kOfCheck = 2;

static_assert(kSaltBytes == crypto_pwhash_SALTBYTES);
static_assert(crypto_kdf_KEYBYTES == 32);

std::string Derived(const Secret& key, std::uint64_t what, std::size_t size) {
  std::string derived(size, '\0');
  crypto_kdf_derive_from_key(SodiumBytes(&derived), size, what, kContext, SodiumBytes(key.text()));
  return derived;
}

absl::Status BadBackup(const char* reason, const std::string& why, const char* remedy) {
  return Error(absl::StatusCode::kInvalidArgument, reason, "the backup cannot be read: {}", why)
      .Remedy(remedy);
}

absl::Status Damaged(const std::string& why) {
  return BadBackup("BACKUP_UNREADABLE", why, "take another copy of the file, or another backup");
}

absl::Status TooLarge() {
  return Error(absl::StatusCode::kResourceExhausted, "BACKUP_TOO_LARGE",
               "the backup is larger than {} MiB", kMaxSealedBytes >> 20)
      .Remedy("no cluster has one that is; see whether it is the right file");
}

using Stream = crypto_secretstream_xchacha20poly1305_state;

class WipedStream {
 public:
  ~WipedStream() { sodium_memzero(&state_, sizeof(state_)); }
  Stream* get() { return &state_; }

 private:
  Stream state_{};
};

}  // namespace

absl::Status CheckPassphrase(std::string_view passphrase, std::string_view field) {
  if (passphrase.size() >= kMinPassphrase && passphrase.size() <= kMaxPassphrase) {
    return absl::OkStatus();
  }
  const std::string rule = fmt::format("must have {} to {} bytes", kMinPassphrase, kMaxPassphrase);
  return Error(absl::StatusCode::kInvalidArgument, "PASSPHRASE_INVALID", "the passphrase {}", rule)
      .Field(field, rule)
      .Remedy("take another passphrase");
}

absl::StatusOr<Secret> DeriveKey(std::string_view passphrase, std::string_view salt) {
  UseSodium();
  Secret key(std::string(crypto_kdf_KEYBYTES, '\0'));
  if (crypto_pwhash(SodiumBytes(&key.mutable_text()), crypto_kdf_KEYBYTES, passphrase.data(),
                    passphrase.size(), SodiumBytes(salt), kPasses, kMemory,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return Error(absl::StatusCode::kResourceExhausted, "OUT_OF_MEMORY",
                 "no memory to make a key of a passphrase")
        .Remedy("try again; dmgrd needs 64 MiB for each backup that is under way");
  }
  return key;
}

absl::StatusOr<std::string> SealWith(const Secret& key, std::string_view salt,
                                     std::string_view plain) {
  UseSodium();
  const std::size_t pieces = std::max<std::size_t>((plain.size() + kPiece - 1) / kPiece, 1);
  const std::size_t size = kHeaderBytes + plain.size() + pieces * kMore;
  if (size > kMaxSealedBytes) return TooLarge();
  std::string sealed(kMagic);
  sealed += static_cast<char>(kFormat);
  sealed += salt;
  sealed += Derived(key, kOfCheck, kCheckBytes);
  sealed.resize(size);
  const Secret stream_key(Derived(key, kOfStream, crypto_secretstream_xchacha20poly1305_KEYBYTES));
  WipedStream stream;
  crypto_secretstream_xchacha20poly1305_init_push(stream.get(), SodiumBytes(&sealed) + kStreamAt,
                                                  SodiumBytes(stream_key.text()));
  std::size_t at = kHeaderBytes;
  for (std::size_t i = 0; i < pieces; ++i) {
    const std::string_view piece = plain.substr(i * kPiece, kPiece);
    const bool is_last = i + 1 == pieces;
    crypto_secretstream_xchacha20poly1305_push(
        stream.get(), SodiumBytes(&sealed) + at, nullptr, SodiumBytes(piece), piece.size(),
        i == 0 ? SodiumBytes(&sealed) : nullptr, i == 0 ? kHeaderBytes : 0,
        is_last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
    at += piece.size() + kMore;
  }
  return sealed;
}

absl::Status CheckHeader(std::string_view sealed) {
  if (!sealed.starts_with(kMagic)) return Damaged("it is no backup of dmgr");
  if (sealed.size() > kMaxSealedBytes) return TooLarge();
  if (sealed.size() <= kMagic.size()) return Damaged("it is cut off");
  const auto format = static_cast<unsigned char>(sealed[kMagic.size()]);
  if (format != kFormat) {
    return BadBackup("BACKUP_VERSION_UNKNOWN",
                     fmt::format("its format has version {}, this dmgrd knows {}", format, kFormat),
                     "take a newer dmgrd");
  }
  if (sealed.size() < kHeaderBytes + kMore) return Damaged("it is cut off");
  return absl::OkStatus();
}

std::string_view SaltOf(std::string_view sealed) { return sealed.substr(kSaltAt, kSaltBytes); }

absl::StatusOr<std::string> OpenWith(const Secret& key, std::string_view sealed) {
  UseSodium();
  RETURN_IF_ERROR(CheckHeader(sealed));
  const std::string check = Derived(key, kOfCheck, kCheckBytes);
  if (sodium_memcmp(check.data(), sealed.data() + kCheckAt, kCheckBytes) != 0) {
    return BadBackup("BACKUP_NOT_OPENED", "it was sealed with another passphrase",
                     "give the passphrase that it was made with");
  }
  const Secret stream_key(Derived(key, kOfStream, crypto_secretstream_xchacha20poly1305_KEYBYTES));
  WipedStream stream;
  crypto_secretstream_xchacha20poly1305_init_pull(stream.get(), SodiumBytes(sealed) + kStreamAt,
                                                  SodiumBytes(stream_key.text()));
  std::string plain(sealed.size() - kHeaderBytes, '\0');
  std::size_t used = 0;
  std::size_t at = kHeaderBytes;
  unsigned char tag = 0;
  while (tag != crypto_secretstream_xchacha20poly1305_TAG_FINAL) {
    const std::string_view piece = sealed.substr(at, kPiece + kMore);
    unsigned long long got = 0;
    const bool is_first = at == kHeaderBytes;
    if (piece.size() < kMore ||
        crypto_secretstream_xchacha20poly1305_pull(
            stream.get(), SodiumBytes(&plain) + used, &got, &tag, SodiumBytes(piece), piece.size(),
            is_first ? SodiumBytes(sealed) : nullptr, is_first ? kHeaderBytes : 0) != 0) {
      Wipe(&plain);
      return Damaged("it is cut off, or was changed");
    }
    used += got;
    at += piece.size();
  }
  if (at != sealed.size()) {
    Wipe(&plain);
    return Damaged("something follows its end");
  }
  plain.resize(used);
  return plain;
}

absl::StatusOr<std::string> SealBackup(std::string_view plain, std::string_view passphrase) {
  UseSodium();
  std::string salt(kSaltBytes, '\0');
  randombytes_buf(salt.data(), salt.size());
  ASSIGN_OR_RETURN(const Secret key, DeriveKey(passphrase, salt));
  return SealWith(key, salt, plain);
}

absl::StatusOr<std::string> OpenBackup(std::string_view sealed, std::string_view passphrase) {
  RETURN_IF_ERROR(CheckHeader(sealed));
  ASSIGN_OR_RETURN(const Secret key, DeriveKey(passphrase, SaltOf(sealed)));
  return OpenWith(key, sealed);
}

}  // namespace dmgr::backups
