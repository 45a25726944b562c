#include "server/instances/errors.h"

#include <string>

#include "common/error.h"

namespace dmgr::instances {

absl::Status ByHand(const absl::Status& status) {
  const std::string reason = Reason(status);
  const bool of_host =
      reason.starts_with("HOST_") && reason != "HOST_UNREACHABLE" && reason != "HOST_KEY_MISMATCH";
  if (!of_host && reason != "FAR_END_LOST") return status;
  Error error(status.code(), reason, "{}", Message(status));
  for (const char* key : {"host", "path", "errno"}) {
    const std::string value = Metadata(status, key);
    if (!value.empty()) error.With(key, value);
  }
  error.Remedy(of_host ? "see what is there on the host, or ask for something else; then try again"
                       : "see that the host is up, then try again");
  return error;
}

v1::HostProblem Problem(std::size_t host_index, const absl::Status& status) {
  v1::HostProblem problem;
  problem.set_host_index(static_cast<std::uint32_t>(host_index));
  *problem.mutable_error() = ToProto(ByHand(status));
  return problem;
}

}  // namespace dmgr::instances
