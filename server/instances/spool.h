// Private to this room: a file without a name, which goes with whoever has it.
#ifndef DMGR_SERVER_INSTANCES_SPOOL_H_
#define DMGR_SERVER_INSTANCES_SPOOL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "common/files.h"

namespace dmgr::instances {

class Spool {
 public:
  // In this folder. Errors as of common/files.h.
  static absl::StatusOr<Spool> Make(const std::string& folder);

  absl::Status Write(std::string_view data);
  std::uint64_t size() const { return size_; }
  // By which it can be opened as long as this lives.
  std::string path() const;

 private:
  explicit Spool(Fd file) : file_(std::move(file)) {}

  Fd file_;
  std::uint64_t size_ = 0;
};

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_SPOOL_H_
