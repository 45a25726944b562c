// Files that several dmgrd share, each by the SHA-256 of its content.
#ifndef DMGR_SERVER_OBJECTS_OBJECT_STORE_H_
#define DMGR_SERVER_OBJECTS_OBJECT_STORE_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dmgr::objects {

// Thread-safe. A sha256 is 64 lower case hex digits. Errors are UNAVAILABLE,
// SHARED_STORE_FAILED, but where it is said.
class ObjectStore {
 public:
  // Called again and again while an answer or a file is waited for, which ends with what this
  // returns when that is not OK. Empty: nothing ends it.
  using Alive = std::function<absl::Status()>;
  // Who puts a file, and what tells that it lives.
  struct Putter {
    // Letters, digits and dashes.
    std::string owner;
    Alive alive{};
  };

  virtual ~ObjectStore() = default;
  // Whoever looks sees all of the file or none. One that is there is replaced.
  virtual absl::Status Put(const std::string& sha256, const std::string& path,
                           const Putter& putter) = 0;
  // Into a new file, whose content nobody has checked. NOT_FOUND, SHARED_OBJECT_MISSING.
  virtual absl::Status Get(const std::string& sha256, const std::string& path,
                           const Alive& alive) = 0;
  virtual absl::StatusOr<bool> Has(const std::string& sha256, const Alive& alive) = 0;
  // One that is not there is removed already.
  virtual absl::Status Remove(const std::string& sha256, const Alive& alive) = 0;
  // What is left of a Put of this owner that has come to no end.
  virtual absl::Status RemoveUnfinished(const std::string& sha256, const std::string& owner) = 0;
  // Of one file.
  virtual std::uint64_t MaxBytes() const { return std::numeric_limits<std::uint64_t>::max(); }
  // For people: a folder, or "s3://bucket/prefix at https://...".
  virtual std::string Name() const = 0;
};

}  // namespace dmgr::objects

#endif  // DMGR_SERVER_OBJECTS_OBJECT_STORE_H_
