#include "common/package/tar_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "common/error.h"
#include "common/files.h"
#include "common/package/blake2b.h"
#include "common/package/zstd_file.h"

namespace dmgr::package {
namespace {

constexpr std::size_t kBufferBytes = 1U << 20;
// Of packages: tar complains about files of 1970.
constexpr std::int64_t kPackageTime = 315532800;

std::string TemporaryName(const std::string& path) { return path + ".part"; }

// Sets the writer up, through zstd if that is not null; the error is libarchive's.
bool Configure(archive* writer, ZstdFile* zstd, int fd) {
  if (archive_write_set_format_pax_restricted(writer) != ARCHIVE_OK) return false;
  if (zstd != nullptr) return zstd->Open(writer);
  return archive_write_add_filter_gzip(writer) == ARCHIVE_OK &&
         archive_write_set_options(writer, "gzip:compression-level=1,!timestamp") == ARCHIVE_OK &&
         archive_write_open_fd(writer, fd) == ARCHIVE_OK;
}

}  // namespace

absl::Status SystemError(std::string_view what, const std::string& path, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  return Error(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal,
               full ? "NO_SPACE" : "FILE_ERROR", "{} {}: {}", what, path,
               std::strerror(error_number))
      .With("path", path)
      .Remedy(full ? "free space there and try again" : "check who may write there and try again");
}

absl::StatusOr<std::unique_ptr<TarWriter>> TarWriter::Create(const std::string& path,
                                                             Compression compression) {
  const std::string temporary = TemporaryName(path);
  const int fd =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return SystemError("cannot write", temporary, errno);
  archive* writer = archive_write_new();
  const bool zstd = compression == Compression::kZstd;
  std::unique_ptr<TarWriter> result(new TarWriter(path, fd, writer, zstd ? 0 : kPackageTime));
  if (zstd) {
    result->zstd_ = ZstdFile::Create(fd);
    if (result->zstd_ == nullptr) return SystemError("cannot compress", path, ENOMEM);
  }
  if (!Configure(writer, result->zstd_.get(), fd)) return result->WriterError();
  return result;
}

TarWriter::TarWriter(std::string path, int fd, struct archive* writer, std::int64_t time)
    : path_(std::move(path)), fd_(fd), writer_(writer), time_(time) {}

TarWriter::~TarWriter() {
  archive_write_free(writer_);
  if (fd_ < 0) return;
  close(fd_);
  unlink(TemporaryName(path_).c_str());
}

absl::Status TarWriter::WriterError() {
  const int error_number = archive_errno(writer_);
  if (error_number > 0) return SystemError("cannot write", path_, error_number);
  const char* text = archive_error_string(writer_);
  return Error(absl::StatusCode::kInternal, "FILE_ERROR", "cannot write {}: {}", path_,
               text == nullptr ? "unknown error" : text);
}

absl::Status TarWriter::AddParents(const std::string& path) {
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    if (!directories_.insert(parent).second) continue;
    RETURN_IF_ERROR(AddHeader(parent, AE_IFDIR, 0755, 0));
  }
  return absl::OkStatus();
}

absl::Status TarWriter::AddHeader(const std::string& path, unsigned type, std::uint32_t mode,
                                  std::uint64_t size) {
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                       archive_entry_free);
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_filetype(entry.get(), type);
  archive_entry_set_perm(entry.get(), static_cast<mode_t>(mode));
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  archive_entry_set_uid(entry.get(), 0);
  archive_entry_set_gid(entry.get(), 0);
  archive_entry_set_mtime(entry.get(), time_, 0);
  // A warning is about names that the current locale cannot show; the bytes are written.
  if (archive_write_header(writer_, entry.get()) < ARCHIVE_WARN) return WriterError();
  return absl::OkStatus();
}

absl::Status TarWriter::WriteData(const void* data, std::size_t size) {
  const la_ssize_t written = archive_write_data(writer_, data, size);
  if (written < 0) return WriterError();
  if (static_cast<std::size_t>(written) != size) {
    return Error(absl::StatusCode::kInternal, "FILE_CHANGED",
                 "a file grew while it was written to {}", path_);
  }
  return absl::OkStatus();
}

absl::Status TarWriter::AddDirectory(const std::string& path) { return AddParents(path + "/"); }

absl::Status TarWriter::AddText(const std::string& path, std::string_view text) {
  RETURN_IF_ERROR(AddParents(path));
  RETURN_IF_ERROR(AddHeader(path, AE_IFREG, 0644, text.size()));
  return WriteData(text.data(), text.size());
}

absl::StatusOr<TarWriter::FileInfo> TarWriter::AddFile(const std::string& path,
                                                       const std::string& source_path,
                                                       std::uint32_t mode, bool with_hash) {
  RETURN_IF_ERROR(AddParents(path));
  const Fd source(open(source_path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (source.get() < 0 || fstat(source.get(), &info) != 0) {
    return SystemError("cannot read", source_path, errno);
  }
  FileInfo result{.size = static_cast<std::uint64_t>(info.st_size), .content_hash = {}};
  RETURN_IF_ERROR(AddHeader(path, AE_IFREG, mode, result.size));

  Blake2b hash;
  std::vector<char> buffer(kBufferBytes);
  std::uint64_t left = result.size;
  for (;;) {
    const ssize_t n = read(source.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("cannot read", source_path, errno);
    if (n == 0) break;
    left -= std::min(left, static_cast<std::uint64_t>(n));
    if (with_hash) hash.Update({buffer.data(), static_cast<std::size_t>(n)});
    RETURN_IF_ERROR(WriteData(buffer.data(), static_cast<std::size_t>(n)));
  }
  if (left != 0) {
    return Error(absl::StatusCode::kInternal, "FILE_CHANGED", "{} shrank while it was read",
                 source_path);
  }
  if (with_hash) result.content_hash = hash.Hex();
  return result;
}

absl::StatusOr<std::uint64_t> TarWriter::Finish() {
  if (archive_write_close(writer_) != ARCHIVE_OK) return WriterError();
  struct stat info {};
  if (fsync(fd_) != 0 || fstat(fd_, &info) != 0 ||
      rename(TemporaryName(path_).c_str(), path_.c_str()) != 0) {
    return SystemError("cannot write", path_, errno);
  }
  close(fd_);
  fd_ = -1;
  RETURN_IF_ERROR(SyncFolderOf(path_));
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace dmgr::package
