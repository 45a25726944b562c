// Looking at all hosts of a cluster before an operation is accepted. Reads only.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_PREFLIGHT_H_
#define DMGR_SERVER_OPERATIONS_CALLS_PREFLIGHT_H_

#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/path_needs.h"
#include "server/clusters/reach.h"
#include "server/resources/resources.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// OK when every host of the new instances is reachable, of the package's architecture, free for
// them (ports, directories, units, user), has room, and reaches the others' ports. Else one status
// with a line for each thing that some host lacks; its code and reason are those of the only
// problem, or FAILED_PRECONDITION, HOSTS_NOT_READY. whole: with those whom they join.
absl::Status PreflightDeploy(const Resources& resources, const topology::Cluster& fresh,
                             const v1::Package& package, const topology::Cluster& whole);

// OK when every host is reachable and the ports of the instances are free or theirs. reach: the
// hosts must reach each other's ports, too.
absl::Status PreflightStart(const Resources& resources, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances,
                            std::optional<clusters::Reach> reach = std::nullopt);

// The same, and every host has room for what it has not got of `to`.
absl::Status PreflightUpgrade(const Resources& resources, const topology::Cluster& cluster,
                              const std::vector<const topology::Instance*>& instances,
                              const v1::Package& from, const v1::Package& to);

// The same as of a start, and every host is of the patch's architecture and has room for it.
absl::Status PreflightPatch(const Resources& resources, const topology::Cluster& cluster,
                            const std::vector<const topology::Instance*>& instances,
                            const v1::Patch& patch);

// OK when every host is reachable, and its paths are as its instances need them.
absl::Status PreflightPaths(
    const Resources& resources, const topology::Cluster& cluster,
    const std::vector<const topology::Instance*>& instances,
    const std::function<clusters::PathNeeds(const std::vector<const topology::Instance*>& here)>&
        needs);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_PREFLIGHT_H_
