// The processes of a cluster with TLS get other certificates, or another CA.
#ifndef DMGR_SERVER_OPERATIONS_ROTATE_TLS_ROTATE_TLS_H_
#define DMGR_SERVER_OPERATIONS_ROTATE_TLS_ROTATE_TLS_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/maintenance_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// FAILED_PRECONDITION, TLS_NOT_ENABLED; INVALID_ARGUMENT, TLS_AUTHORITY_INVALID.
absl::StatusOr<v1::Operation> RotateClusterTls(const Resources& resources,
                                               const v1::RotateClusterTlsRequest& request,
                                               const Caller& caller);

// Registers the code of its steps.
void RegisterRotateTlsRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_ROTATE_TLS_ROTATE_TLS_H_
