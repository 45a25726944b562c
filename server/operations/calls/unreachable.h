// Which hosts do not answer, before an operation is planned. Reads only.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_UNREACHABLE_H_
#define DMGR_SERVER_OPERATIONS_CALLS_UNREACHABLE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// By machine, why it cannot be reached.
using UnreachableMachines = std::map<std::string, absl::Status>;

// Asks all at once; each has 10 s to answer.
UnreachableMachines FindUnreachable(const Resources& resources,
                                    const std::vector<std::string>& machines);

// "machine h3: connection refused; machine h4: ...".
std::string WordsOf(const UnreachableMachines& unreachable);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_UNREACHABLE_H_
