// A running cluster begins to speak TLS between its processes, or ceases to.
#ifndef DMGR_SERVER_OPERATIONS_SWITCH_TLS_SWITCH_TLS_H_
#define DMGR_SERVER_OPERATIONS_SWITCH_TLS_SWITCH_TLS_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// FAILED_PRECONDITION: TLS_ENABLED; DM_NOT_HEALTHY; TASK_IS_LOADING unless that is accepted;
// HOST_CONFLICT or HOSTS_NOT_READY where somebody has a folder of the certificates' name, or data
// cannot be set aside.
// INVALID_ARGUMENT: TLS_AUTHORITY_INVALID; INVALID_TOPOLOGY when what it has does not go with TLS.
absl::StatusOr<v1::Operation> EnableClusterTls(const Resources& resources,
                                               const v1::EnableClusterTlsRequest& request,
                                               const Caller& caller);

// The same, but for TLS_NOT_ENABLED.
absl::StatusOr<v1::Operation> DisableClusterTls(const Resources& resources,
                                                const v1::DisableClusterTlsRequest& request,
                                                const Caller& caller);

// Registers the code of its steps.
void RegisterSwitchTlsRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SWITCH_TLS_SWITCH_TLS_H_
