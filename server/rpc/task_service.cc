#include "server/rpc/task_service.h"

#include "server/operations/task/task.h"
#include "server/rpc/mutation.h"
#include "server/rpc/pages.h"
#include "server/rpc/task_logs.h"
#include "server/rpc/task_watcher.h"

namespace dmgr::rpc {
namespace {

// Neither name has one.
constexpr char kBetween = '/';

std::pair<std::string, std::string> NamesIn(const std::string& key) {
  const std::size_t at = key.find(kBetween);
  if (at == std::string::npos) return {key, ""};
  return {key.substr(0, at), key.substr(at + 1)};
}

}  // namespace

grpc::Status TaskServiceImpl::CheckTask(grpc::ServerContext* context,
                                        const v1::CheckTaskRequest* request,
                                        v1::CheckTaskResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, operations::CheckTask(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status TaskServiceImpl::CreateTask(grpc::ServerContext* context,
                                         const v1::CreateTaskRequest* request,
                                         v1::CreateTaskResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::CreateTask);
}

grpc::Status TaskServiceImpl::StartTask(grpc::ServerContext* context,
                                        const v1::StartTaskRequest* request,
                                        v1::StartTaskResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::StartTask);
}

grpc::Status TaskServiceImpl::StopTask(grpc::ServerContext* context,
                                       const v1::StopTaskRequest* request,
                                       v1::StopTaskResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::StopTask);
}

grpc::Status TaskServiceImpl::PauseTask(grpc::ServerContext* context,
                                        const v1::PauseTaskRequest* request,
                                        v1::PauseTaskResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::PauseTask);
}

grpc::Status TaskServiceImpl::ResumeTask(grpc::ServerContext* context,
                                         const v1::ResumeTaskRequest* request,
                                         v1::ResumeTaskResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::ResumeTask);
}

grpc::Status TaskServiceImpl::UpdateTask(grpc::ServerContext* context,
                                         const v1::UpdateTaskRequest* request,
                                         v1::UpdateTaskResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::UpdateTask);
}

grpc::Status TaskServiceImpl::RollbackTask(grpc::ServerContext* context,
                                           const v1::RollbackTaskRequest* request,
                                           v1::RollbackTaskResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::RollbackTask);
}

grpc::Status TaskServiceImpl::ListTaskRevisions(grpc::ServerContext* context,
                                                const v1::ListTaskRevisionsRequest* request,
                                                v1::ListTaskRevisionsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(
        const auto revisions,
        operations::ListTaskRevisions(*services_, request->cluster_name(), request->task_name()));
    response->mutable_revisions()->Assign(revisions.begin(), revisions.end());
    return absl::OkStatus();
  });
}

grpc::Status TaskServiceImpl::GetTaskRevision(grpc::ServerContext* context,
                                              const v1::GetTaskRevisionRequest* request,
                                              v1::GetTaskRevisionResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response->mutable_revision(),
                     operations::GetTaskRevision(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status TaskServiceImpl::DeleteTask(grpc::ServerContext* context,
                                         const v1::DeleteTaskRequest* request,
                                         v1::DeleteTaskResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::DeleteTask);
}

grpc::Status TaskServiceImpl::AdoptTask(grpc::ServerContext* context,
                                        const v1::AdoptTaskRequest* request,
                                        v1::AdoptTaskResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::AdoptTask);
}

grpc::Status TaskServiceImpl::GetTask(grpc::ServerContext* context,
                                      const v1::GetTaskRequest* request,
                                      v1::GetTaskResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(
        *response->mutable_task(),
        operations::GetTask(*services_, request->cluster_name(), request->task_name()));
    return absl::OkStatus();
  });
}

grpc::Status TaskServiceImpl::ListTasks(grpc::ServerContext* context,
                                        const v1::ListTasksRequest* request,
                                        v1::ListTasksResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto seen, guard_->scope().Seen(session.rights));
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string after, PageKey(request->page_token()));
    // As of one that there is not.
    if (!request->cluster_name().empty() && !IsSeen(seen, request->cluster_name())) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(
        const auto list,
        operations::ListTasks(*services_, {.cluster = request->cluster_name(),
                                           .seen = seen,
                                           .after = NamesIn(after),
                                           .limit = static_cast<std::size_t>(size) + 1,
                                           .recorded_only = request->recorded_only(),
                                           .without_config = request->without_config()}));
    FillPage(
        list.tasks, size,
        [&](const v1::Task& task) {
          *response->add_tasks() = task;
          return task.cluster_name() + kBetween + task.task_name();
        },
        response);
    response->mutable_unreached_clusters()->insert(list.unreached.begin(), list.unreached.end());
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<v1::WatchTasksResponse>* TaskServiceImpl::WatchTasks(
    grpc::CallbackServerContext* context, const v1::WatchTasksRequest* request) {
  const auto caller = guard_->Admit(*context, *request);
  const News news{.feed = nullptr, .sessions = streams_.sessions};
  return StartTaskWatcher(caller, *request, news.Holding(caller), &guard_->scope(), streams_.tasks);
}

grpc::Status TaskServiceImpl::ReadTaskLogs(grpc::ServerContext* context,
                                           const v1::ReadTaskLogsRequest* request,
                                           grpc::ServerWriter<v1::ReadTaskLogsResponse>* writer) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) {
    StreamCaller caller(context, streams_.sessions, session.key);
    return caller.End(SendTaskLogs(
        *services_, streams_.places, *request, [&] { return caller.HasGone(); },
        [&](const v1::ReadTaskLogsResponse& lines) { return caller.Write(writer, lines); }));
  });
}

}  // namespace dmgr::rpc
