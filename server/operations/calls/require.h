// What a cluster must be like for an operation, and the instances that a call selects.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_REQUIRE_H_
#define DMGR_SERVER_OPERATIONS_CALLS_REQUIRE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

absl::StatusOr<std::vector<const topology::Instance*>> SelectInstances(
    const topology::Cluster& cluster, const v1::Selection& selection);

// Whether it names nothing, and so stands for all instances.
bool IsForAll(const v1::Selection& selection);

// The same call about the same instances, leaving out the hosts that do not answer.
v1::NextAction Skipping(v1::Action action, const std::string& cluster,
                        const v1::Selection& selection = {});

// Neither being deployed nor being destroyed.
absl::Status RequireDeployed(const store::ClusterRecord& record);

// Its files are dmgr's. FAILED_PRECONDITION, CLUSTER_IS_FOREIGN.
absl::Status RequireOwn(const store::ClusterRecord& record);

// Its processes speak TLS. FAILED_PRECONDITION, TLS_NOT_ENABLED.
absl::Status RequireTls(const store::ClusterRecord& record);

// No instance is half added: it would stay behind in the old version or configuration.
absl::Status RequireAllJoined(const store::ClusterRecord& record);

// The recorded configuration is all there is.
absl::Status RequireNoPending(const store::ClusterRecord& record);

// It is up. FAILED_PRECONDITION, CLUSTER_NOT_UP; otherwise and other: what else the caller may do.
absl::Status RequireUp(const store::ClusterRecord& record, const std::string& otherwise = "",
                       const v1::NextAction& other = {});

// It is stopped. FAILED_PRECONDITION, CLUSTER_NOT_STOPPED: "... cannot be {what}".
absl::Status RequireStopped(const store::ClusterRecord& record, const std::string& what,
                            const std::string& remedy);

// INVALID_ARGUMENT unless it is STRATEGY_ROLLING, which is the default, or the other one.
absl::Status CheckStrategy(v1::Strategy strategy, v1::Strategy other);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_REQUIRE_H_
