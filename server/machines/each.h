// One piece of work for each of many machines or instances, side by side.
#ifndef DMGR_SERVER_MACHINES_EACH_H_
#define DMGR_SERVER_MACHINES_EACH_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/thread_pool.h"

namespace dmgr::machines {

// Runs work once for each machine, at most 32 at a time with the help of `threads`, and returns the
// results in the order of the machines.
std::vector<absl::Status> InParallel(
    ThreadPool* threads, const std::vector<std::string>& machines,
    const std::function<absl::Status(const std::string& machine)>& work);

// OK, or one error for all hosts that failed.
absl::Status CombineHosts(const std::vector<absl::Status>& statuses);

}  // namespace dmgr::machines

#endif  // DMGR_SERVER_MACHINES_EACH_H_
