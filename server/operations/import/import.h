// Import, takeover and release: a cluster of another tool is recorded, its files become dmgr's, and
// it is given back.
#ifndef DMGR_SERVER_OPERATIONS_IMPORT_IMPORT_H_
#define DMGR_SERVER_OPERATIONS_IMPORT_IMPORT_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/import_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// INVALID_ARGUMENT lists all that is wrong with the topology. What hosts and DM show otherwise than
// it says fails the operation (FOREIGN_NOT_AS_SAID), which has changed nothing there.
absl::StatusOr<v1::Operation> ImportCluster(const Resources& resources,
                                            const v1::ImportClusterRequest& request,
                                            const Caller& caller);

// FAILED_PRECONDITION, CLUSTER_IS_OWN, unless the files of the cluster are TiUP's.
absl::StatusOr<v1::Operation> TakeOverCluster(const Resources& resources,
                                              const v1::TakeOverClusterRequest& request,
                                              const Caller& caller);

// ALREADY_EXISTS, CLUSTER_EXISTS; INVALID_ARGUMENT; FAILED_PRECONDITION, FOREIGN_NOT_FOUND; errors
// of members::MemberSource.
absl::StatusOr<v1::FindForeignClusterResponse> FindForeignCluster(
    const Resources& resources, const v1::FindForeignClusterRequest& request);

// FAILED_PRECONDITION: CLUSTER_NOT_FOREIGN, TLS_NOT_ENABLED, TLS_SECRETS_MISSING.
absl::StatusOr<v1::ExportTiupTlsResponse> ExportTiupTls(const Resources& resources,
                                                        const v1::ExportTiupTlsRequest& request);

// FAILED_PRECONDITION, CLUSTER_NOT_FOREIGN, for a cluster that dmgr has laid on its hosts.
absl::StatusOr<v1::Operation> ReleaseCluster(const Resources& resources,
                                             const v1::ReleaseClusterRequest& request,
                                             const Caller& caller);

// Registers the code of their steps.
void RegisterImportRunners(const Resources* resources, engine::Registry* registry);
void RegisterTakeoverRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_IMPORT_IMPORT_H_
