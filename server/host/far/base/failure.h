// What an action throws. The far end has one place that catches: where a request is answered. That
// keeps the many system calls of an action readable, and none of their errors is forgotten.
#ifndef DMGR_SERVER_HOST_FAR_BASE_FAILURE_H_
#define DMGR_SERVER_HOST_FAR_BASE_FAILURE_H_

#include <string>
#include <string_view>

#include "dmgr/host/v1/host.pb.h"

namespace dmgr::far {

namespace hv1 = ::dmgr::host::v1;

class Failed {
 public:
  Failed(hv1::Failure::Kind kind, std::string_view text, std::string_view path = {});

  // Of a program or a log.
  Failed& WithOutput(std::string_view output) &;
  Failed& WithProgram(std::string_view program, int exit_status) &;
  Failed& WithError(int error_number) &;
  const hv1::Failure& message() const { return message_; }

 private:
  hv1::Failure message_;
};

// "what path: error"; NO_SPACE when that is the error.
Failed SystemFailure(std::string_view what, std::string_view path, int error_number);
Failed BadRequest(std::string_view text, std::string_view path = {});
Failed Conflict(std::string_view text, std::string_view path);

// The same text, fit for a protobuf string: whatever is not UTF-8 becomes '?'.
std::string CleanText(std::string_view text);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_BASE_FAILURE_H_
