// A large file of pieces, written and read one after another, that only one key opens.
//
// The file: "DMGRSELF", the version of the format in one byte, the id of the key in 32 hex digits,
// the 24 bytes that a secretstream begins with; then pieces, each as its length in four bytes
// (little endian) and a message of the stream: a byte that tells its kind and what it holds, packed
// with zstd. Version 1: XChaCha20-Poly1305 as libsodium's secretstream has it; the header is
// authenticated with the first message, the last one says that it is the last.
#ifndef DMGR_SERVER_BACKUPS_SEALED_FILE_H_
#define DMGR_SERVER_BACKUPS_SEALED_FILE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/secret.h"

namespace dmgr::backups {

// Of what a piece holds.
inline constexpr std::size_t kMaxSealedPiece = std::size_t{64} << 20;

struct FileKey {
  // 32 hex digits; tells the key from others.
  std::string id;
  // 32 bytes.
  Secret key;
};

struct SealedPiece {
  // '\0': there are no more.
  char kind = '\0';
  std::string content{};
};

class SealedWriter {
 public:
  // A new file with mode 0600. Errors: those of common/files.h.
  static absl::StatusOr<std::unique_ptr<SealedWriter>> Create(const std::string& path,
                                                              const FileKey& key);
  ~SealedWriter();
  SealedWriter(const SealedWriter&) = delete;
  SealedWriter& operator=(const SealedWriter&) = delete;

  // RESOURCE_EXHAUSTED, BACKUP_TOO_LARGE, beyond kMaxSealedPiece.
  absl::Status Add(char kind, std::string_view content);
  // Says that it is whole, and has it on the disk.
  absl::Status Finish();

 private:
  struct Impl;
  explicit SealedWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class SealedReader {
 public:
  // INVALID_ARGUMENT: BACKUP_UNREADABLE for another file, BACKUP_VERSION_UNKNOWN;
  // FAILED_PRECONDITION, KEY_MISMATCH, when it was sealed with another key.
  static absl::StatusOr<std::unique_ptr<SealedReader>> Open(const std::string& path,
                                                            const FileKey& key);
  ~SealedReader();
  SealedReader(const SealedReader&) = delete;
  SealedReader& operator=(const SealedReader&) = delete;

  // In the order in which they were written. BACKUP_UNREADABLE when it was cut off or changed, or
  // when anything follows its end.
  absl::StatusOr<SealedPiece> Next();

 private:
  struct Impl;
  explicit SealedReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::backups

#endif  // DMGR_SERVER_BACKUPS_SEALED_FILE_H_
