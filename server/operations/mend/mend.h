// What gets a stuck task going: errors handled, shard locks resolved, structures of tables put
// right, and the validation of what was written. Also of tasks that dmgr did not make.
#ifndef DMGR_SERVER_OPERATIONS_MEND_MEND_H_
#define DMGR_SERVER_OPERATIONS_MEND_MEND_H_

#include "absl/status/statusor.h"
#include "dmgr/v1/shard_lock_service.pb.h"
#include "dmgr/v1/table_structure_service.pb.h"
#include "dmgr/v1/task_error_service.pb.h"
#include "dmgr/v1/validation_service.pb.h"
#include "server/engine/runner.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Errors of all these also as of dm::MasterClient, when DM cannot be asked or refuses; and
// INVALID_ARGUMENT, of what does not fit together. FAILED_PRECONDITION, TASK_NOT_RUNNING: DM does
// not have the task.
absl::StatusOr<v1::ListTaskErrorsResponse> ListTaskErrors(const Resources& resources,
                                                          const v1::ListTaskErrorsRequest& request);
// FAILED_PRECONDITION: TASK_HAS_NO_ERROR; TASK_ERROR_NO_DDL, when DM can do so of no such
// statement.
absl::StatusOr<v1::Operation> HandleTaskError(const Resources& resources,
                                              const v1::HandleTaskErrorRequest& request,
                                              const Caller& caller);

absl::StatusOr<v1::ListShardLocksResponse> ListShardLocks(const Resources& resources,
                                                          const v1::ListShardLocksRequest& request);
// NOT_FOUND, LOCK_NOT_FOUND.
absl::StatusOr<v1::Operation> UnlockShardLock(const Resources& resources,
                                              const v1::UnlockShardLockRequest& request,
                                              const Caller& caller);

// These, but for a list of all tables: FAILED_PRECONDITION, TASK_NOT_PAUSED.
absl::StatusOr<v1::GetTableStructureResponse> GetTableStructure(
    const Resources& resources, const v1::GetTableStructureRequest& request);
absl::StatusOr<v1::ListTaskTablesResponse> ListTaskTables(const Resources& resources,
                                                          const v1::ListTaskTablesRequest& request);
absl::StatusOr<v1::Operation> SetTableStructure(const Resources& resources,
                                                const v1::SetTableStructureRequest& request,
                                                const Caller& caller);
absl::StatusOr<v1::Operation> RemoveTableStructure(const Resources& resources,
                                                   const v1::RemoveTableStructureRequest& request,
                                                   const Caller& caller);

// FAILED_PRECONDITION, VALIDATION_RUNS.
absl::StatusOr<v1::Operation> StartValidation(const Resources& resources,
                                              const v1::StartValidationRequest& request,
                                              const Caller& caller);
// This and the next two: FAILED_PRECONDITION, VALIDATION_MISSING.
absl::StatusOr<v1::Operation> StopValidation(const Resources& resources,
                                             const v1::StopValidationRequest& request,
                                             const Caller& caller);
absl::StatusOr<v1::Operation> UpdateValidation(const Resources& resources,
                                               const v1::UpdateValidationRequest& request,
                                               const Caller& caller);
absl::StatusOr<v1::Operation> HandleValidationErrors(
    const Resources& resources, const v1::HandleValidationErrorsRequest& request,
    const Caller& caller);
absl::StatusOr<v1::GetValidationResponse> GetValidation(const Resources& resources,
                                                        const v1::GetValidationRequest& request);
absl::StatusOr<v1::ListValidationErrorsResponse> ListValidationErrors(
    const Resources& resources, const v1::ListValidationErrorsRequest& request);

// Registers the code of their steps.
void RegisterMendRunners(const Resources* resources, engine::Registry* registry);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_MEND_MEND_H_
