// What clusters left on machines that could not be reached: shown, and removed by record.
#ifndef DMGR_SERVER_LEFTOVERS_LEFTOVERS_H_
#define DMGR_SERVER_LEFTOVERS_LEFTOVERS_H_

#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/machine_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/database.h"
#include "server/store/request_store.h"

namespace dmgr::leftovers {

// Adds to each machine what was left on it.
absl::Status Show(store::Transaction& tx, const std::vector<v1::Machine*>& machines);

// Adds to the report of a machine what was left on it, if anything was.
absl::Status AddItem(const Resources& resources, const std::string& machine_id,
                     v1::CheckMachineResponse* response);

// Removes what was left on the machine, and forgets it as far as it is gone: a call that fails has
// done a part, and the next one goes on. Ends its last transaction with finish.
// FAILED_PRECONDITION, CLUSTER_BUSY, while an operation of one of the clusters is under way;
// UNAVAILABLE when the host does not answer.
absl::Status CleanMachine(const Resources& resources, const v1::CleanMachineRequest& request,
                          const store::Finish& finish, v1::CleanMachineResponse* response);

}  // namespace dmgr::leftovers

#endif  // DMGR_SERVER_LEFTOVERS_LEFTOVERS_H_
