// TaskService.
#ifndef DMGR_SERVER_RPC_TASK_SERVICE_H_
#define DMGR_SERVER_RPC_TASK_SERVICE_H_

#include "dmgr/v1/task_service.grpc.pb.h"
#include "server/instances/streams.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"
#include "server/rpc/session_watch.h"
#include "server/watching/task_feed.h"

namespace dmgr::rpc {

// As with OperationServiceImpl: who watches costs no thread.
using TaskServiceBase = v1::TaskService::WithCallbackMethod_WatchTasks<v1::TaskService::Service>;

class TaskServiceImpl final : public TaskServiceBase {
 public:
  // Of all streams together.
  struct Streams {
    SessionWatch* sessions;
    watching::TaskFeed* tasks;
    instances::Places* places;
  };
  TaskServiceImpl(Guard* guard, const Resources* services, const Streams& streams)
      : guard_(guard), services_(services), streams_(streams) {}

  grpc::Status CheckTask(grpc::ServerContext* context, const v1::CheckTaskRequest* request,
                         v1::CheckTaskResponse* response) override;
  grpc::Status CreateTask(grpc::ServerContext* context, const v1::CreateTaskRequest* request,
                          v1::CreateTaskResponse* response) override;
  grpc::Status StartTask(grpc::ServerContext* context, const v1::StartTaskRequest* request,
                         v1::StartTaskResponse* response) override;
  grpc::Status StopTask(grpc::ServerContext* context, const v1::StopTaskRequest* request,
                        v1::StopTaskResponse* response) override;
  grpc::Status PauseTask(grpc::ServerContext* context, const v1::PauseTaskRequest* request,
                         v1::PauseTaskResponse* response) override;
  grpc::Status ResumeTask(grpc::ServerContext* context, const v1::ResumeTaskRequest* request,
                          v1::ResumeTaskResponse* response) override;
  grpc::Status UpdateTask(grpc::ServerContext* context, const v1::UpdateTaskRequest* request,
                          v1::UpdateTaskResponse* response) override;
  grpc::Status RollbackTask(grpc::ServerContext* context, const v1::RollbackTaskRequest* request,
                            v1::RollbackTaskResponse* response) override;
  grpc::Status ListTaskRevisions(grpc::ServerContext* context,
                                 const v1::ListTaskRevisionsRequest* request,
                                 v1::ListTaskRevisionsResponse* response) override;
  grpc::Status GetTaskRevision(grpc::ServerContext* context,
                               const v1::GetTaskRevisionRequest* request,
                               v1::GetTaskRevisionResponse* response) override;
  grpc::Status DeleteTask(grpc::ServerContext* context, const v1::DeleteTaskRequest* request,
                          v1::DeleteTaskResponse* response) override;
  grpc::Status AdoptTask(grpc::ServerContext* context, const v1::AdoptTaskRequest* request,
                         v1::AdoptTaskResponse* response) override;
  grpc::Status GetTask(grpc::ServerContext* context, const v1::GetTaskRequest* request,
                       v1::GetTaskResponse* response) override;
  grpc::Status ListTasks(grpc::ServerContext* context, const v1::ListTasksRequest* request,
                         v1::ListTasksResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchTasksResponse>* WatchTasks(
      grpc::CallbackServerContext* context, const v1::WatchTasksRequest* request) override;
  grpc::Status ReadTaskLogs(grpc::ServerContext* context, const v1::ReadTaskLogsRequest* request,
                            grpc::ServerWriter<v1::ReadTaskLogsResponse>* writer) override;

 private:
  Guard* guard_;
  const Resources* services_;
  const Streams streams_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_TASK_SERVICE_H_
