// Compresses what an archive writer hands over, with matches farther apart than libarchive's own
// filter (3.6) finds.
#ifndef DMGR_COMMON_PACKAGE_ZSTD_FILE_H_
#define DMGR_COMMON_PACKAGE_ZSTD_FILE_H_

#include <archive.h>
#include <zstd.h>

#include <cstddef>
#include <memory>
#include <string>

namespace dmgr::package {

class ZstdFile {
 public:
  // Writes to fd, which stays the caller's. Null: no memory.
  static std::unique_ptr<ZstdFile> Create(int fd);

  // Opens the writer, which has no filter, on this file; it must be closed before this ends. The
  // error is libarchive's.
  bool Open(archive* writer);

 private:
  explicit ZstdFile(int fd) : fd_(fd) {}
  // 0, or an errno.
  int Write(const void* data, std::size_t size, ZSTD_EndDirective directive);

  static la_ssize_t OnWrite(archive* writer, void* self, const void* data, std::size_t size);
  static int OnClose(archive* writer, void* self);

  const int fd_;
  std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context_{nullptr, ZSTD_freeCCtx};
  std::string buffer_;
};

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_ZSTD_FILE_H_
