#include "server/rpc/call_counts.h"

namespace dmgr::rpc {

void CallCounts::Add(const std::string& method, absl::StatusCode code) {
  const std::lock_guard lock(mutex_);
  ++counts_[{method, code}];
}

std::vector<CallCounts::Count> CallCounts::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<Count> all;
  for (const auto& [call, count] : counts_) {
    all.push_back({call.first, absl::StatusCodeToString(call.second), count});
  }
  return all;
}

}  // namespace dmgr::rpc
