#include "common/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/error.h"
#include "common/ids.h"

namespace dmgr {
namespace {

constexpr std::size_t kBlock = 64U << 10;

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInternal;
  }
}

Error Failed(absl::StatusCode code, std::string_view reason, std::string_view what,
             const std::string& path, int error) {
  const std::string why = std::strerror(error);
  return Error(code, reason, "cannot {} {}: {}", what, path, why)
      .With("path", path)
      .With("why", why)
      .With("errno", std::to_string(error));
}

absl::Status Unreadable(const std::string& path, int error) {
  return Failed(CodeOf(error), "FILE_UNREADABLE", "read", path, error)
      .Remedy("see that it is there and that this user may read it");
}

absl::Status Unwritable(std::string_view what, const std::string& path, int error) {
  if (error == ENOSPC || error == EDQUOT) {
    return Failed(absl::StatusCode::kResourceExhausted, "NO_SPACE", what, path, error)
        .Remedy("free space there and try again");
  }
  return Failed(CodeOf(error), "FILE_UNWRITABLE", what, path, error)
      .Remedy("see who may write there and try again");
}

// Number of bytes, 0 at the end, or -1 with errno.
ssize_t ReadSome(const Fd& file, char* buffer, std::size_t size) {
  ssize_t n = 0;
  do {
    n = read(file.get(), buffer, size);
  } while (n < 0 && errno == EINTR);
  return n;
}

// At most `bytes` from where the file is.
absl::StatusOr<std::string> ReadUpTo(const Fd& file, const std::string& path, std::size_t bytes) {
  std::string content;
  // Not by the file's size: what the kernel shows has none.
  while (content.size() < bytes) {
    const std::size_t before = content.size();
    content.resize(std::min(bytes, before + std::max(kBlock, before)));
    const ssize_t n = ReadSome(file, content.data() + before, content.size() - before);
    if (n < 0) return Unreadable(path, errno);
    content.resize(before + static_cast<std::size_t>(n));
    if (n == 0) break;
  }
  return content;
}

// 0, or why not: errno.
int WriteAll(const Fd& file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = write(file.get(), content.data(), content.size());
    if (n >= 0) {
      content.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

absl::Status WriteNew(const std::string& path, std::string_view content, unsigned mode, bool sync) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.ok()) return Unwritable("make", path, errno);
  // The process's mask is no concern of who asks for a mode.
  int failure = fchmod(file.get(), mode) == 0 ? 0 : errno;
  if (failure == 0) failure = WriteAll(file, content);
  if (failure == 0 && sync && fsync(file.get()) != 0) failure = errno;
  if (failure == 0) return absl::OkStatus();
  unlink(path.c_str());
  return Unwritable("write", path, failure);
}

std::string NameBeside(const std::string& path) { return path + "." + HexEncode(RandomBytes(4)); }

}  // namespace

void Fd::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

absl::StatusOr<std::string> ReadFile(const std::string& path, std::size_t max_bytes) {
  ASSIGN_OR_RETURN(std::string content, ReadHead(path, max_bytes + 1));
  if (content.size() <= max_bytes) return content;
  const std::string why = fmt::format("it has more than {} bytes", max_bytes);
  return Error(absl::StatusCode::kOutOfRange, "FILE_TOO_LARGE", "cannot read {}: {}", path, why)
      .With("path", path)
      .With("why", why)
      .Remedy("see whether it is the right file");
}

absl::StatusOr<std::string> ReadHead(const std::string& path, std::size_t bytes) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return Unreadable(path, errno);
  return ReadUpTo(file, path, bytes);
}

absl::StatusOr<std::string> ReadTail(const std::string& path, std::size_t bytes) {
  const Fd file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.ok()) return Unreadable(path, errno);
  const off_t size = lseek(file.get(), 0, SEEK_END);
  const off_t begin = std::max<off_t>(0, size - static_cast<off_t>(bytes));
  if (size < 0 || lseek(file.get(), begin, SEEK_SET) < 0) return Unreadable(path, errno);
  return ReadUpTo(file, path, bytes);
}

absl::Status ReadChunks(const std::string& path, std::uint64_t offset, std::size_t chunk_bytes,
                        const std::function<absl::Status(std::string_view chunk)>& sink) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return Unreadable(path, errno);
  if (offset > 0 && lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
    return Unreadable(path, errno);
  }
  std::string buffer(chunk_bytes, '\0');
  for (;;) {
    const ssize_t n = ReadSome(file, buffer.data(), buffer.size());
    if (n < 0) return Unreadable(path, errno);
    if (n == 0) return absl::OkStatus();
    RETURN_IF_ERROR(sink({buffer.data(), static_cast<std::size_t>(n)}));
  }
}

absl::Status WriteNewFile(const std::string& path, std::string_view content, unsigned mode) {
  return WriteNew(path, content, mode, /*sync=*/false);
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view content, unsigned mode) {
  const std::string made = NameBeside(path);
  RETURN_IF_ERROR(WriteNew(made, content, mode, /*sync=*/true));
  if (rename(made.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(made.c_str());
    return Unwritable("write", path, error);
  }
  return SyncFolderOf(path);
}

absl::StatusOr<bool> CreateFileAtomically(const std::string& path, std::string_view content,
                                          unsigned mode) {
  const std::string made = NameBeside(path);
  RETURN_IF_ERROR(WriteNew(made, content, mode, /*sync=*/true));
  // Unlike rename, link never replaces a file that another one has made meanwhile.
  const int error = link(made.c_str(), path.c_str()) == 0 ? 0 : errno;
  unlink(made.c_str());
  if (error != 0 && error != EEXIST) return Unwritable("make", path, error);
  RETURN_IF_ERROR(SyncFolderOf(path));
  return error == 0;
}

absl::StatusOr<FileWriter> FileWriter::Create(const std::string& path, unsigned mode) {
  return Open(path, O_EXCL, mode);
}

absl::StatusOr<FileWriter> FileWriter::Append(const std::string& path, unsigned mode) {
  return Open(path, O_APPEND, mode);
}

absl::StatusOr<FileWriter> FileWriter::Open(const std::string& path, int flags, unsigned mode) {
  Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, mode));
  if (!file.ok()) return Unwritable("write", path, errno);
  return FileWriter(path, std::move(file));
}

absl::Status FileWriter::Write(std::string_view data) {
  const int error = WriteAll(file_, data);
  return error == 0 ? absl::OkStatus() : Unwritable("write", path_, error);
}

absl::Status FileWriter::Sync() {
  return fsync(file_.get()) == 0 ? absl::OkStatus() : Unwritable("sync", path_, errno);
}

absl::Status FileWriter::SetMode(unsigned mode) {
  return fchmod(file_.get(), mode) == 0 ? absl::OkStatus()
                                        : Unwritable("set mode of", path_, errno);
}

absl::Status SyncFolder(const std::string& folder) {
  const Fd dir(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.ok() || fsync(dir.get()) != 0) return Unwritable("sync", folder, errno);
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return SyncFolder(folder.empty() ? "." : folder);
}

int ErrnoOf(const absl::Status& status) {
  const std::string text = Metadata(status, "errno");
  int error = 0;
  std::from_chars(text.data(), text.data() + text.size(), error);
  return error;
}

}  // namespace dmgr
