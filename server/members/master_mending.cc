// What gets stuck tasks going, asked of the dm-masters.
#include "server/members/master_migrations.h"

namespace dmgr::members {
absl::StatusOr<dm::SourceAnswers> MasterMigrations::HandleError(
    const Cluster& cluster, const pb::HandleErrorRequest& request, const dm::Within& within) {
  return ClientOf(cluster).HandleError(request, within);
}

absl::StatusOr<pb::ShowDDLLocksResponse> MasterMigrations::ListLocks(const Cluster& cluster,
                                                                     const std::string& task,
                                                                     const dm::Within& within) {
  return ClientOf(cluster).ListLocks(task, {}, within);
}

absl::Status MasterMigrations::UnlockLock(const Cluster& cluster,
                                          const pb::UnlockDDLLockRequest& request,
                                          const dm::Within& within) {
  return ClientOf(cluster).UnlockLock(request, within);
}

absl::StatusOr<dm::SourceAnswers> MasterMigrations::OperateSchema(
    const Cluster& cluster, const pb::OperateSchemaRequest& request, const dm::Within& within) {
  return ClientOf(cluster).OperateSchema(request, within);
}

absl::StatusOr<dm::SourceAnswers> MasterMigrations::StartValidation(
    const Cluster& cluster, const pb::StartValidationRequest& request, const dm::Within& within) {
  return ClientOf(cluster).StartValidation(request, within);
}

absl::StatusOr<dm::SourceAnswers> MasterMigrations::StopValidation(
    const Cluster& cluster, const pb::StopValidationRequest& request, const dm::Within& within) {
  return ClientOf(cluster).StopValidation(request, within);
}

absl::StatusOr<dm::SourceAnswers> MasterMigrations::UpdateValidation(
    const Cluster& cluster, const pb::UpdateValidationRequest& request, const dm::Within& within) {
  return ClientOf(cluster).UpdateValidation(request, within);
}

absl::StatusOr<pb::GetValidationStatusResponse> MasterMigrations::GetValidationStatus(
    const Cluster& cluster, const std::string& task, const dm::Within& within) {
  pb::GetValidationStatusRequest request;
  request.set_task_name(task);
  return ClientOf(cluster).GetValidationStatus(request, within);
}

absl::StatusOr<pb::GetValidationErrorResponse> MasterMigrations::GetValidationErrors(
    const Cluster& cluster, const pb::GetValidationErrorRequest& request,
    const dm::Within& within) {
  return ClientOf(cluster).GetValidationErrors(request, within);
}

absl::Status MasterMigrations::OperateValidationError(
    const Cluster& cluster, const pb::OperateValidationErrorRequest& request,
    const dm::Within& within) {
  return ClientOf(cluster).OperateValidationError(request, within);
}

}  // namespace dmgr::members
