// A cluster gets another SSH key.
#ifndef DMGR_SERVER_OPERATIONS_ROTATE_KEY_ROTATE_KEY_H_
#define DMGR_SERVER_OPERATIONS_ROTATE_KEY_ROTATE_KEY_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// FAILED_PRECONDITION, HOSTS_UNREACHABLE, unless such hosts are to be left out: a repair gives them
// the new key and takes the old one off.
absl::StatusOr<v1::Operation> RotateClusterKey(const Resources& resources,
                                               const v1::RotateClusterKeyRequest& request,
                                               const Caller& caller);

// Registers the code of its steps.
void RegisterRotateKeyRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_ROTATE_KEY_ROTATE_KEY_H_
