// How calls have ended.
#ifndef DMGR_SERVER_RPC_CALL_COUNTS_H_
#define DMGR_SERVER_RPC_CALL_COUNTS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace dmgr::rpc {

// Thread-safe. As many counts as there are methods and codes at most.
class CallCounts {
 public:
  struct Count {
    // "dmgr.v1.TaskService/ListTasks".
    std::string method;
    // "OK", "NOT_FOUND".
    std::string code;
    std::uint64_t calls = 0;
  };

  void Add(const std::string& method, absl::StatusCode code);
  std::vector<Count> All() const;

 private:
  mutable std::mutex mutex_;  // Guards counts_.
  std::map<std::pair<std::string, absl::StatusCode>, std::uint64_t> counts_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_CALL_COUNTS_H_
