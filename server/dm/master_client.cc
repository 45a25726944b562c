#include "server/dm/master_client.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "common/error.h"
#include "server/dm/dm_error.h"
#include "server/dm/master_answers.h"
#include "server/dm/masters.h"

namespace dmgr::dm {
namespace {

// A status of 1,000 tasks takes some MiB.
constexpr int kMaxAnswer = 64 << 20;

pb::OperateSourceRequest SourceRequest(pb::SourceOp op) {
  pb::OperateSourceRequest request;
  request.set_op(op);
  return request;
}

template <typename Request>
Request WithSources(const std::vector<std::string>& sources) {
  Request request;
  request.mutable_sources()->Add(sources.begin(), sources.end());
  return request;
}

}  // namespace

MasterClient::MasterClient(std::vector<std::string> addresses, TlsMaterial tls)
    : masters_(std::make_unique<Masters>(std::move(addresses), std::move(tls), kMaxAnswer)) {}
MasterClient::~MasterClient() = default;
MasterClient::MasterClient(MasterClient&&) noexcept = default;
MasterClient& MasterClient::operator=(MasterClient&&) noexcept = default;

void MasterClient::SetLeader(const std::string& address) { masters_->SetLeader(address); }

absl::StatusOr<SourceAnswers> MasterClient::OperateSource(const pb::OperateSourceRequest& request,
                                                          const std::string& what,
                                                          const Within& within) {
  const bool reads = request.op() == pb::SOURCE_OP_SHOW;
  return AskSources<pb::OperateSourceResponse>(
      *masters_, what, "/pb.Master/OperateSource", reads ? CallKind::kRead : CallKind::kLong,
      request, within, request.config().empty() ? "" : request.config(0));
}

absl::StatusOr<SourceAnswer> MasterClient::CreateSource(const std::string& config,
                                                        const std::string& worker,
                                                        const Within& within) {
  pb::OperateSourceRequest request = SourceRequest(pb::SOURCE_OP_START);
  request.add_config(config);
  request.set_worker_name(worker);
  ASSIGN_OR_RETURN(SourceAnswers answers,
                   OperateSource(request, "create source" + NameIn(config, "source-id"), within));
  return answers.empty() ? SourceAnswer() : std::move(answers.front());
}

absl::Status MasterClient::UpdateSource(const std::string& config, const Within& within) {
  pb::OperateSourceRequest request = SourceRequest(pb::SOURCE_OP_UPDATE);
  request.add_config(config);
  return OperateSource(request, "change source" + NameIn(config, "source-id"), within).status();
}

absl::Status MasterClient::StopSource(const std::string& source, const Within& within) {
  pb::OperateSourceRequest request = SourceRequest(pb::SOURCE_OP_STOP);
  request.add_source_id(source);
  return OperateSource(request, "delete source " + source, within).status();
}

absl::StatusOr<SourceAnswers> MasterClient::ListSources(const Within& within) {
  return OperateSource(SourceRequest(pb::SOURCE_OP_SHOW), "list the sources", within);
}

absl::Status MasterClient::TransferSource(const std::string& source, const std::string& worker,
                                          const Within& within) {
  pb::TransferSourceRequest request;
  request.set_source(source);
  request.set_worker(worker);
  return Ask<pb::TransferSourceResponse>(
             *masters_, fmt::format("move source {} to {}", source, worker),
             "/pb.Master/TransferSource", CallKind::kChange, request, within)
      .status();
}

absl::Status MasterClient::OperateRelay(pb::RelayOp op, const std::string& what,
                                        const std::string& source,
                                        const std::vector<std::string>& workers,
                                        const Within& within) {
  pb::OperateRelayRequest request;
  request.set_op(op);
  request.set_source(source);
  request.mutable_worker()->Add(workers.begin(), workers.end());
  return AskSources<pb::OperateRelayResponse>(*masters_, what, "/pb.Master/OperateRelay",
                                              CallKind::kChange, request, within)
      .status();
}

absl::Status MasterClient::StartRelay(const std::string& source,
                                      const std::vector<std::string>& workers,
                                      const Within& within) {
  return OperateRelay(pb::RELAY_OP_START, "start the relay of source " + source, source, workers,
                      within);
}

absl::Status MasterClient::StopRelay(const std::string& source,
                                     const std::vector<std::string>& workers,
                                     const Within& within) {
  return OperateRelay(pb::RELAY_OP_STOP, "stop the relay of source " + source, source, workers,
                      within);
}

absl::Status MasterClient::PurgeRelay(const pb::PurgeWorkerRelayRequest& request,
                                      const Within& within) {
  return AskSources<pb::PurgeWorkerRelayResponse>(*masters_, "purge relay logs",
                                                  "/pb.Master/PurgeWorkerRelay", CallKind::kChange,
                                                  request, within)
      .status();
}

absl::StatusOr<CheckResult> MasterClient::CheckTask(const pb::CheckTaskRequest& request,
                                                    const Within& within) {
  const std::string what = "check task" + NameIn(request.task(), "name");
  pb::CheckTaskResponse response;
  RETURN_IF_ERROR(
      Send(*masters_,
           {what, "/pb.Master/CheckTask", CallKind::kLong, request, &response, request.task()},
           within, nullptr));
  response.set_msg(WithoutPasswordsOf(request.task(), response.msg()));
  const bool detailed = response.msg().find("detail:") != std::string::npos;
  if (!response.result() && !detailed) return StatusOfDm(what, ParseDmError(response.msg()));
  std::optional<CheckResult> result = ParseCheckResult(response.msg());
  if (!result.has_value()) return UnreadableCheck(what);
  if (!response.result()) result->passed = false;
  return *std::move(result);
}

absl::StatusOr<StartedTask> MasterClient::StartTask(const pb::StartTaskRequest& request,
                                                    const Within& within) {
  const std::string what = "start task" + NameIn(request.task(), "name");
  pb::StartTaskResponse response;
  bool repeated = false;
  RETURN_IF_ERROR(
      Send(*masters_,
           {what, "/pb.Master/StartTask", CallKind::kLong, request, &response, request.task()},
           within, &repeated));
  ForgetPasswordsOf(request.task(), &response);
  response.set_check_result(WithoutPasswordsOf(request.task(), response.check_result()));
  // Where the check failed it says why, and msg nothing.
  if (!response.result() && response.msg().empty()) {
    if (const auto failed = FailedCheck(what, response.check_result())) return *failed;
    response.set_msg(response.check_result());
  }
  StartedTask started;
  ASSIGN_OR_RETURN(started.sources, SourcesOf(what, response, repeated));
  if (auto check = ParseCheckResult(response.check_result())) started.check = *std::move(check);
  return started;
}

absl::StatusOr<SourceAnswers> MasterClient::OperateTask(pb::TaskOp op, const std::string& what,
                                                        const std::string& task,
                                                        const std::vector<std::string>& sources,
                                                        const Within& within) {
  auto request = WithSources<pb::OperateTaskRequest>(sources);
  request.set_op(op);
  request.set_name(task);
  return AskSources<pb::OperateTaskResponse>(*masters_, what + task, "/pb.Master/OperateTask",
                                             CallKind::kChange, request, within);
}

absl::StatusOr<SourceAnswers> MasterClient::PauseTask(const std::string& task,
                                                      const std::vector<std::string>& sources,
                                                      const Within& within) {
  return OperateTask(pb::TASK_OP_PAUSE, "pause task ", task, sources, within);
}

absl::StatusOr<SourceAnswers> MasterClient::ResumeTask(const std::string& task,
                                                       const std::vector<std::string>& sources,
                                                       const Within& within) {
  return OperateTask(pb::TASK_OP_RESUME, "resume task ", task, sources, within);
}

absl::StatusOr<SourceAnswers> MasterClient::DeleteTask(const std::string& task,
                                                       const std::vector<std::string>& sources,
                                                       const Within& within) {
  return OperateTask(pb::TASK_OP_DELETE, "delete task ", task, sources, within);
}

absl::StatusOr<pb::QueryStatusListResponse> MasterClient::QueryStatus(
    const std::string& task, const std::vector<std::string>& sources, const Within& within) {
  auto request = WithSources<pb::QueryStatusListRequest>(sources);
  request.set_name(task);
  return Ask<pb::QueryStatusListResponse>(
      *masters_, task.empty() ? "ask how the tasks are" : "ask how task " + task + " is",
      "/pb.Master/QueryStatus", CallKind::kRead, request, within);
}

absl::StatusOr<std::vector<std::string>> MasterClient::GetSubTaskConfigs(const std::string& task,
                                                                         const Within& within) {
  pb::GetSubTaskCfgRequest request;
  request.set_name(task);
  ASSIGN_OR_RETURN(
      const pb::GetSubTaskCfgResponse response,
      Ask<pb::GetSubTaskCfgResponse>(*masters_, "read the subtasks of task " + task,
                                     "/pb.Master/GetSubTaskCfg", CallKind::kRead, request, within));
  return std::vector<std::string>(response.cfgs().begin(), response.cfgs().end());
}

absl::StatusOr<std::string> MasterClient::GetConfig(pb::CfgType type, const std::string& name,
                                                    const Within& within) {
  pb::GetCfgRequest request;
  request.set_type(type);
  request.set_name(name);
  ASSIGN_OR_RETURN(pb::GetCfgResponse response,
                   Ask<pb::GetCfgResponse>(*masters_, "read the configuration of " + name,
                                           "/pb.Master/GetCfg", CallKind::kRead, request, within));
  return std::move(*response.mutable_cfg());
}

absl::StatusOr<pb::ShowDDLLocksResponse> MasterClient::ListLocks(
    const std::string& task, const std::vector<std::string>& sources, const Within& within) {
  auto request = WithSources<pb::ShowDDLLocksRequest>(sources);
  request.set_task(task);
  return Ask<pb::ShowDDLLocksResponse>(*masters_, "list the shard locks", "/pb.Master/ShowDDLLocks",
                                       CallKind::kRead, request, within);
}

absl::Status MasterClient::UnlockLock(const pb::UnlockDDLLockRequest& request,
                                      const Within& within) {
  return Ask<pb::UnlockDDLLockResponse>(*masters_, "resolve shard lock " + request.id(),
                                        "/pb.Master/UnlockDDLLock", CallKind::kLong, request,
                                        within)
      .status();
}

absl::StatusOr<SourceAnswers> MasterClient::OperateSchema(const pb::OperateSchemaRequest& request,
                                                          const Within& within) {
  const bool reads =
      request.op() != pb::SCHEMA_OP_SET_SCHEMA && request.op() != pb::SCHEMA_OP_REMOVE_SCHEMA;
  return AskSources<pb::OperateSchemaResponse>(
      *masters_,
      fmt::format("{} the table structures of task {}", reads ? "read" : "change", request.task()),
      "/pb.Master/OperateSchema", reads ? CallKind::kRead : CallKind::kChange, request, within);
}

absl::StatusOr<SourceAnswers> MasterClient::HandleError(const pb::HandleErrorRequest& request,
                                                        const Within& within) {
  const bool reads = request.op() == pb::ERROR_OP_LIST;
  return AskSources<pb::HandleErrorResponse>(
      *masters_, fmt::format("{} the errors of task {}", reads ? "list" : "handle", request.task()),
      "/pb.Master/HandleError", reads ? CallKind::kRead : CallKind::kChange, request, within);
}

absl::StatusOr<SourceAnswers> MasterClient::StartValidation(
    const pb::StartValidationRequest& request, const Within& within) {
  return AskSources<pb::StartValidationResponse>(
      *masters_, "start the validation of task " + request.task_name(),
      "/pb.Master/StartValidation", CallKind::kChange, request, within);
}

absl::StatusOr<SourceAnswers> MasterClient::StopValidation(const pb::StopValidationRequest& request,
                                                           const Within& within) {
  return AskSources<pb::StopValidationResponse>(
      *masters_, "stop the validation of task " + request.task_name(), "/pb.Master/StopValidation",
      CallKind::kChange, request, within);
}

absl::StatusOr<SourceAnswers> MasterClient::UpdateValidation(
    const pb::UpdateValidationRequest& request, const Within& within) {
  return AskSources<pb::UpdateValidationResponse>(
      *masters_, "change the validation of task " + request.task_name(),
      "/pb.Master/UpdateValidation", CallKind::kChange, request, within);
}

absl::StatusOr<pb::GetValidationStatusResponse> MasterClient::GetValidationStatus(
    const pb::GetValidationStatusRequest& request, const Within& within) {
  return Ask<pb::GetValidationStatusResponse>(
      *masters_, "ask for the validation of task " + request.task_name(),
      "/pb.Master/GetValidationStatus", CallKind::kRead, request, within);
}

absl::StatusOr<pb::GetValidationErrorResponse> MasterClient::GetValidationErrors(
    const pb::GetValidationErrorRequest& request, const Within& within) {
  return Ask<pb::GetValidationErrorResponse>(
      *masters_, "list the validation errors of task " + request.task_name(),
      "/pb.Master/GetValidationError", CallKind::kRead, request, within);
}

absl::Status MasterClient::OperateValidationError(const pb::OperateValidationErrorRequest& request,
                                                  const Within& within) {
  return Ask<pb::OperateValidationErrorResponse>(
             *masters_, "handle the validation errors of task " + request.task_name(),
             "/pb.Master/OperateValidationError", CallKind::kChange, request, within)
      .status();
}

}  // namespace dmgr::dm
