// Unpacks archives that nobody vouches for.
#ifndef DMGR_COMMON_PACKAGE_UNPACK_H_
#define DMGR_COMMON_PACKAGE_UNPACK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct archive;
struct archive_entry;

namespace dmgr::package {

// What all archives of one upload may use together.
struct Budget {
  std::uint64_t entries = 200'000;
  std::uint64_t bytes = 20ull << 30;
  // An archive that has unpacked to more than this must be of a likely size for it.
  std::uint64_t ratio_from = 1ull << 30;
};

inline constexpr std::size_t kMaxPathBytes = 1024;

// INVALID_ARGUMENT with reason PACKAGE_INVALID about one member.
absl::Status BadMember(std::string_view member, std::string_view why);

// The same about an archive that libarchive gave up on.
absl::Status Unreadable(struct archive* reader);

using ArchiveReader = std::unique_ptr<struct archive, void (*)(struct archive*)>;
// A reader of .tar.gz, not opened yet.
ArchiveReader NewReader();

// Unpacks one archive below a directory that it makes. Files get 0644 or, when the owner may
// execute them, 0755. Refused: absolute paths, "..", links that do not end at a file inside,
// members named twice, devices and other special files, more than the budget, and data that unpacks
// to more than two hundred times its size (from Budget::ratio_from on).
class Unpacker {
 public:
  // is_wrapper: whether a first directory of that name around everything is left out.
  Unpacker(std::string target_dir, std::function<bool(std::string_view)> is_wrapper,
           Budget* budget);

  // Reads an opened reader to its end.
  absl::Status Run(struct archive* reader);

 private:
  absl::Status UnpackEntry(struct archive* reader, archive_entry* entry);
  absl::StatusOr<std::string> TargetName(const std::string& name);
  absl::Status AddParents(const std::string& path);
  absl::Status AddDirectory(const std::string& path);
  absl::Status AddFile(struct archive* reader, archive_entry* entry, const std::string& path);
  absl::Status AddSymlink(const std::string& path, const char* target);
  absl::Status AddHardlink(const std::string& path, const std::string& target);
  absl::Status CheckLinks() const;
  std::string OnDisk(const std::string& path) const { return target_dir_ + "/" + path; }

  const std::string target_dir_;
  const std::function<bool(std::string_view)> is_wrapper_;
  Budget* const budget_;
  bool first_ = true;
  std::string wrapper_;
  // 'f', 'd' or 'l' by path: nothing is ever written through a link.
  std::map<std::string, char> members_;
  std::uint64_t bytes_ = 0;
};

// Unpacks a .tar.gz file.
absl::Status UnpackFile(const std::string& archive_path, const std::string& target_dir,
                        std::function<bool(std::string_view)> is_wrapper, Budget* budget);

}  // namespace dmgr::package

#endif  // DMGR_COMMON_PACKAGE_UNPACK_H_
