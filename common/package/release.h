// Releases: the content of one component of a package, addressed by its hash.
//
// A release travels as one .tar.zst and lives in a host's release store as {store}/{hash}/.
// Its manifest has one line for each entry, sorted by path as bytes, each ended by '\n':
//   f <mode, 4 octal digits> <size, decimal> <BLAKE2b-256 of the content, hex> <path>
//   d <mode, 4 octal digits> - - <path>
//   l - - <link target, relative, inside the release> <path>
// Files are 0755 when the owner may execute them, else 0644; directories are 0755. Paths are
// relative, without "." and "..". The hash of a release is the BLAKE2b-256 of its manifest, hex.
// The hash of its archive is the BLAKE2b-256 of the .tar.zst: what a host checks.
#ifndef DMGR_COMMON_PACKAGE_RELEASE_H_
#define DMGR_COMMON_PACKAGE_RELEASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::package {

struct ManifestEntry {
  char type = 'f';  // 'f', 'd' or 'l'
  std::string path;
  std::uint32_t mode = 0644;
  std::uint64_t size = 0;
  std::string content_hash;  // of a file
  std::string link_target;   // of a link
};

// Sorts the entries and writes them as above.
std::string ManifestText(std::vector<ManifestEntry> entries);
// BLAKE2b-256, hex.
std::string HashText(const std::string& text);

struct ReleaseInfo {
  std::string component;
  std::string hash;
  std::uint64_t unpacked_bytes = 0;
  std::uint64_t compressed_bytes = 0;
  std::string archive_hash;
  std::vector<ManifestEntry> entries;
};

// Writes one component's tree (files below source_dir that are listed, by their path in the
// release) as archive_path (.tar.zst), made under a temporary name, synced and renamed.
struct ReleaseSource {
  std::string path;         // in the release
  std::string source_path;  // on this machine: a file, or a directory taken with all below it
};
absl::StatusOr<ReleaseInfo> WriteRelease(const std::string& component,
                                         const std::vector<ReleaseSource>& sources,
                                         const std::string& archive_path);

// The same as dir/<hash>.tar.zst.
absl::StatusOr<ReleaseInfo> StoreRelease(const std::string& component,
                                         const std::vector<ReleaseSource>& sources,
                                         const std::string& dir);
// Without version.
v1::PackageComponent ToProto(const ReleaseInfo& release);

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_RELEASE_H_
