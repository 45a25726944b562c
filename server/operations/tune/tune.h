// Tune: settings of hosts' kernels that a check found wanting.
#ifndef DMGR_SERVER_OPERATIONS_TUNE_TUNE_H_
#define DMGR_SERVER_OPERATIONS_TUNE_TUNE_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/check_service.pb.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// FAILED_PRECONDITION, NOTHING_TO_TUNE, when all that can be set on hosts that answer is set.
absl::StatusOr<v1::Operation> TuneHosts(const Resources& resources,
                                        const v1::TuneHostsRequest& request, const Caller& caller);

// Registers the code of its steps.
void RegisterTuneRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_TUNE_TUNE_H_
