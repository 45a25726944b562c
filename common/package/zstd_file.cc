#include "common/package/zstd_file.h"

#include <unistd.h>

#include <cerrno>

namespace dmgr::package {
namespace {

// A release is compressed once and sent often. Against the level 9 it needs a third less of the
// time of an upload, and hosts get a twentieth more.
constexpr int kLevel = 7;
// 64 MiB, which a host needs to unpack it. Programs of one release share much of their code.
constexpr int kWindowLog = 26;
// A table of 48 MiB, which remembers most of the window. Prometheus with promtool (Debian's 2.42)
// has 19.4 MB then; 18.3 MB with a table of 96 MiB, more than 22 MB with one of 24 MiB or with long
// distance matching.
constexpr int kTableLog = 23;

int WriteAll(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return 0;
}

}  // namespace

std::unique_ptr<ZstdFile> ZstdFile::Create(int fd) {
  std::unique_ptr<ZstdFile> file(new ZstdFile(fd));
  file->context_.reset(ZSTD_createCCtx());
  file->buffer_.resize(ZSTD_CStreamOutSize());
  const auto set = [&](ZSTD_cParameter name, int value) {
    return ZSTD_isError(ZSTD_CCtx_setParameter(file->context_.get(), name, value)) == 0;
  };
  if (file->context_ == nullptr || !set(ZSTD_c_compressionLevel, kLevel) ||
      !set(ZSTD_c_windowLog, kWindowLog) || !set(ZSTD_c_hashLog, kTableLog)) {
    return nullptr;
  }
  return file;
}

bool ZstdFile::Open(archive* writer) {
  return archive_write_open(writer, this, nullptr, OnWrite, OnClose) == ARCHIVE_OK;
}

int ZstdFile::Write(const void* data, std::size_t size, ZSTD_EndDirective directive) {
  ZSTD_inBuffer in = {data, size, 0};
  for (;;) {
    ZSTD_outBuffer out = {buffer_.data(), buffer_.size(), 0};
    const std::size_t left = ZSTD_compressStream2(context_.get(), &out, &in, directive);
    if (ZSTD_isError(left) != 0) return ENOMEM;
    if (const int error = WriteAll(fd_, buffer_.data(), out.pos); error != 0) return error;
    if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return 0;
  }
}

la_ssize_t ZstdFile::OnWrite(archive* writer, void* self, const void* data, std::size_t size) {
  const int error = static_cast<ZstdFile*>(self)->Write(data, size, ZSTD_e_continue);
  if (error == 0) return static_cast<la_ssize_t>(size);
  archive_set_error(writer, error, "cannot compress or write");
  return -1;
}

int ZstdFile::OnClose(archive* writer, void* self) {
  const int error = static_cast<ZstdFile*>(self)->Write(nullptr, 0, ZSTD_e_end);
  if (error == 0) return ARCHIVE_OK;
  archive_set_error(writer, error, "cannot compress or write");
  return ARCHIVE_FATAL;
}

}  // namespace dmgr::package
