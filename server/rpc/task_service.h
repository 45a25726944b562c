// TaskService.
#ifndef DMGR_SERVER_RPC_TASK_SERVICE_H_
#define DMGR_SERVER_RPC_TASK_SERVICE_H_

#include "dmgr/v1/task_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class TaskServiceImpl final : public v1::TaskService::Service {
 public:
  TaskServiceImpl(Guard* guard, const Resources* services) : guard_(guard), services_(services) {}

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
  grpc::Status GetTask(grpc::ServerContext* context, const v1::GetTaskRequest* request,
                       v1::GetTaskResponse* response) override;
  grpc::Status ListTasks(grpc::ServerContext* context, const v1::ListTasksRequest* request,
                         v1::ListTasksResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_TASK_SERVICE_H_
