// Sealing a backup with a passphrase, and opening it.
//
// The file: "DMGRBKUP", the version of the format in one byte, 16 bytes of salt, 16 bytes that tell
// the right passphrase from others, the 24 bytes that a secretstream begins with; then pieces of
// 64 KiB, each with 17 bytes more, the last one of which says that it is the last. Version 1: the
// key is Argon2id's of the passphrase (3 passes over 64 MiB), the pieces are
// XChaCha20-Poly1305 as libsodium's secretstream has it, the header is authenticated with the
// first.
#ifndef DMGR_SERVER_BACKUPS_SEAL_H_
#define DMGR_SERVER_BACKUPS_SEAL_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/secret.h"

namespace dmgr::backups {

inline constexpr std::size_t kMinPassphrase = 12;
inline constexpr std::size_t kMaxPassphrase = 1024;
// Of a sealed backup.
inline constexpr std::size_t kMaxSealedBytes = std::size_t{128} << 20;

// INVALID_ARGUMENT, PASSPHRASE_INVALID, of a field of the request.
absl::Status CheckPassphrase(std::string_view passphrase, std::string_view field);

// RESOURCE_EXHAUSTED, BACKUP_TOO_LARGE or OUT_OF_MEMORY.
absl::StatusOr<std::string> SealBackup(std::string_view plain, std::string_view passphrase);

// INVALID_ARGUMENT: BACKUP_UNREADABLE for what is no backup, was cut off or changed;
// BACKUP_VERSION_UNKNOWN; BACKUP_NOT_OPENED with another passphrase; BACKUP_TOO_LARGE.
absl::StatusOr<std::string> OpenBackup(std::string_view sealed, std::string_view passphrase);

// The two halves of it: what takes a second and much memory, and the rest.
absl::Status CheckHeader(std::string_view sealed);
// What the sealed bytes say of the salt; they have a header.
std::string_view SaltOf(std::string_view sealed);
inline constexpr std::size_t kSaltBytes = 16;
// 32 bytes.
absl::StatusOr<Secret> DeriveKey(std::string_view passphrase, std::string_view salt);
absl::StatusOr<std::string> SealWith(const Secret& key, std::string_view salt,
                                     std::string_view plain);
absl::StatusOr<std::string> OpenWith(const Secret& key, std::string_view sealed);

}  // namespace dmgr::backups

#endif  // DMGR_SERVER_BACKUPS_SEAL_H_
