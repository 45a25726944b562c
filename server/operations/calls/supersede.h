// Whether a call may take the cluster from an operation that failed or was cancelled.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_SUPERSEDE_H_
#define DMGR_SERVER_OPERATIONS_CALLS_SUPERSEDE_H_

#include <initializer_list>

#include "dmgr/v1/operation_service.pb.h"
#include "server/operations/calls/change.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Those that only start and stop: whatever one of them leaves half done, another one goes on from.
inline constexpr std::initializer_list<v1::OperationKind> kOnlyRun = {
    v1::OPERATION_KIND_START, v1::OPERATION_KIND_STOP, v1::OPERATION_KIND_RESTART,
    v1::OPERATION_KIND_ENABLE, v1::OPERATION_KIND_DISABLE};

// Whether the operation that holds the cluster is of one of these kinds.
bool IsHeldBy(const Resources& resources, const Subject& subject,
              std::initializer_list<v1::OperationKind> kinds);

// Whether a repair may take the cluster over: what the record says is what the cluster can be
// brought to, also from the middle of the operation that holds it.
bool CanBeRepaired(const Resources& resources, const Subject& subject);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_SUPERSEDE_H_
