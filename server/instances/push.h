// Writing a file on hosts of a cluster.
#ifndef DMGR_SERVER_INSTANCES_PUSH_H_
#define DMGR_SERVER_INSTANCES_PUSH_H_

#include <memory>
#include <string>
#include <string_view>

#include "server/instances/logs.h"

namespace dmgr::instances {

// A file on its way. It is kept on dmgrd's machine until all of it is there, and goes with this.
class Push {
 public:
  // *what gets words for the audit. INVALID_ARGUMENT; FAILED_PRECONDITION, PATH_IS_MANAGED.
  static absl::StatusOr<std::unique_ptr<Push>> Begin(const Resources& resources,
                                                     const v1::PushFileHeader& header,
                                                     std::string* what);
  ~Push();
  Push(const Push&) = delete;
  Push& operator=(const Push&) = delete;

  // INVALID_ARGUMENT, UPLOAD_TOO_LONG, when there is more than the header says.
  absl::Status Append(std::string_view data);
  // Writes it on all hosts side by side. INVALID_ARGUMENT when something is missing.
  absl::StatusOr<v1::PushFileResponse> Finish(const Gone& gone);

 private:
  struct Impl;
  explicit Push(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_PUSH_H_
