// Writes tar archives that are the same bytes for the same content: entries in the order given,
// owned by root, at one fixed time.
#ifndef DMGR_COMMON_PACKAGE_TAR_WRITER_H_
#define DMGR_COMMON_PACKAGE_TAR_WRITER_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct archive;

namespace dmgr::package {

class ZstdFile;

// What an errno means for whoever asked: RESOURCE_EXHAUSTED when the disk is full, else INTERNAL.
absl::Status SystemError(std::string_view what, const std::string& path, int error_number);

// Made under a temporary name beside path; a writer that is destroyed before Finish leaves nothing.
class TarWriter {
 public:
  enum class Compression {
    kZstd,  // Well: what goes to hosts.
    kGzip,  // Quickly: what is uploaded once.
  };
  static absl::StatusOr<std::unique_ptr<TarWriter>> Create(const std::string& path,
                                                           Compression compression);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  // Directories above an entry are added before it.
  absl::Status AddDirectory(const std::string& path);
  absl::Status AddText(const std::string& path, std::string_view text);
  struct FileInfo {
    std::uint64_t size = 0;
    std::string content_hash;  // BLAKE2b-256, hex; empty unless asked for.
  };
  absl::StatusOr<FileInfo> AddFile(const std::string& path, const std::string& source_path,
                                   std::uint32_t mode, bool with_hash);
  // Everything is written and on the disk under its name. Returns the size of the archive.
  absl::StatusOr<std::uint64_t> Finish();

 private:
  TarWriter(std::string path, int fd, struct archive* writer, std::int64_t time);
  absl::Status AddParents(const std::string& path);
  absl::Status AddHeader(const std::string& path, unsigned type, std::uint32_t mode,
                         std::uint64_t size);
  absl::Status WriteData(const void* data, std::size_t size);
  absl::Status WriterError();

  const std::string path_;
  int fd_;
  std::unique_ptr<ZstdFile> zstd_;
  struct archive* writer_;
  const std::int64_t time_;
  std::set<std::string> directories_;
};

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_TAR_WRITER_H_
