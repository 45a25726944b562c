// Files, read whole and written whole. What is not there, or cannot be read or written, is an error
// that names the path, what was tried and the operating system's word; what it means and what to do
// about it is for the caller to say: it builds its own Error with ErrnoOf() or the metadata "why".
//
// Errors (reason, code): FILE_UNREADABLE and FILE_UNWRITABLE with NOT_FOUND, PERMISSION_DENIED or
// INTERNAL; NO_SPACE, RESOURCE_EXHAUSTED; FILE_TOO_LARGE, OUT_OF_RANGE. Metadata: path, why, errno.
// All functions may be called by any thread.
#ifndef DMGR_COMMON_FILES_H_
#define DMGR_COMMON_FILES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dmgr {

// A file descriptor that is closed.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { Close(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_;
};

// Larger files are not what they should be: configuration, keys, markers, what the kernel tells.
inline constexpr std::size_t kMaxTextFile = 16U << 20;

// The content of a file, a pipe or what the kernel shows as a file. FILE_TOO_LARGE when it has more
// than max_bytes.
absl::StatusOr<std::string> ReadFile(const std::string& path, std::size_t max_bytes = kMaxTextFile);
// Its first or its last bytes: at most `bytes`, less when it has less.
absl::StatusOr<std::string> ReadHead(const std::string& path, std::size_t bytes);
// The end is that of a log, which others may write: a link is not followed.
absl::StatusOr<std::string> ReadTail(const std::string& path, std::size_t bytes);
// A piece that is large enough for the disk, and small enough for memory.
inline constexpr std::size_t kFileChunk = 1U << 20;
// Hands over the content from `offset` on in pieces of at most chunk_bytes, until one is refused.
absl::Status ReadChunks(const std::string& path, std::uint64_t offset, std::size_t chunk_bytes,
                        const std::function<absl::Status(std::string_view chunk)>& sink);

// Makes the file anew, with just this mode; FILE_UNWRITABLE when there is one. Not on the disk
// before the file system is synced; one that was begun and failed is removed.
absl::Status WriteNewFile(const std::string& path, std::string_view content, unsigned mode);
// Replaces the file, if there is one, by one that is complete and on the disk: whoever looks, also
// after a crash, sees all of the old or all of the new one. A crash may leave path.<8 hex digits>.
absl::Status WriteFileAtomically(const std::string& path, std::string_view content, unsigned mode);
// As WriteFileAtomically, but leaves a file that is there, or that another one makes meanwhile:
// false then.
absl::StatusOr<bool> CreateFileAtomically(const std::string& path, std::string_view content,
                                          unsigned mode);
// Writes a file bit by bit; what is written is not on the disk before it is synced.
class FileWriter {
 public:
  // A new file; FILE_UNWRITABLE when there is one, also when it is a link to nowhere.
  static absl::StatusOr<FileWriter> Create(const std::string& path, unsigned mode);
  // At the end of a file, which is made if there is none.
  static absl::StatusOr<FileWriter> Append(const std::string& path, unsigned mode);

  absl::Status Write(std::string_view data);
  // What was written is on the disk when it returns.
  absl::Status Sync();
  // This mode, whatever the umask and whoever made the file.
  absl::Status SetMode(unsigned mode);

 private:
  FileWriter(std::string path, Fd file) : path_(std::move(path)), file_(std::move(file)) {}
  static absl::StatusOr<FileWriter> Open(const std::string& path, int flags, unsigned mode);

  std::string path_;
  Fd file_;
};

// Makes what was made, renamed and removed in a folder outlive a crash.
absl::Status SyncFolder(const std::string& folder);
// SyncFolder of the folder that path is in.
absl::Status SyncFolderOf(const std::string& path);

// Why a function of this file failed; 0 when the operating system gave no reason.
int ErrnoOf(const absl::Status& status);

}  // namespace dmgr

#endif  // DMGR_COMMON_FILES_H_
