// Databases that tasks write to. Nobody else is told of a change: a task that starts takes what is
// recorded then.
#ifndef DMGR_SERVER_OPERATIONS_TARGET_TARGET_H_
#define DMGR_SERVER_OPERATIONS_TARGET_TARGET_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dmgr/v1/target_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/request_store.h"

namespace dmgr::operations {

// This and the next three end their transactions with finish. INVALID_ARGUMENT, TARGET_INVALID,
// with every wrong field; ALREADY_EXISTS, TARGET_EXISTS. All but a delete ask the database before
// their transaction, unless the request says otherwise: errors of RequireReady.
absl::Status CreateTarget(const Resources& resources, const v1::CreateTargetRequest& request,
                          const Caller& caller, const store::Finish& finish);
// NOT_FOUND, TARGET_NOT_FOUND; ABORTED, MIGRATION_CHANGED. INVALID_ARGUMENT, HIDDEN_SECRET, when
// the password would go to another host or port without being given again.
absl::Status UpdateTarget(const Resources& resources, const v1::UpdateTargetRequest& request,
                          const Caller& caller, const store::Finish& finish);
// The same with what it has been. NOT_FOUND, REVISION_NOT_FOUND; FAILED_PRECONDITION,
// REVISION_IN_EFFECT.
absl::Status RollbackTarget(const Resources& resources, const v1::RollbackTargetRequest& request,
                            const Caller& caller, const store::Finish& finish);
// FAILED_PRECONDITION: TARGET_IN_USE; CLUSTER_BUSY, since what is at work may be about to name it.
absl::Status DeleteTarget(const Resources& resources, const v1::DeleteTargetRequest& request,
                          const store::Finish& finish);

// Asks the database itself. NOT_FOUND, TARGET_NOT_FOUND; errors of databases::Connection.
absl::StatusOr<v1::CheckTargetResponse> CheckTarget(const Resources& resources,
                                                    const v1::CheckTargetRequest& request);

// This and the next one: NOT_FOUND, TARGET_NOT_FOUND. Newest first.
absl::StatusOr<std::vector<v1::TargetRevision>> ListTargetRevisions(const Resources& resources,
                                                                    const std::string& cluster,
                                                                    const std::string& name);
// 0: the one in effect; without secrets. NOT_FOUND, REVISION_NOT_FOUND.
absl::StatusOr<v1::TargetRevision> GetTargetRevision(const Resources& resources,
                                                     const v1::GetTargetRevisionRequest& request);

// Without secrets. NOT_FOUND, TARGET_NOT_FOUND.
absl::StatusOr<v1::Target> GetTarget(const Resources& resources, const std::string& cluster,
                                     const std::string& name);
// Those after a name, by name.
absl::StatusOr<std::vector<v1::Target>> ListTargets(const Resources& resources,
                                                    const std::string& cluster,
                                                    const std::string& after, int limit);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_TARGET_TARGET_H_
