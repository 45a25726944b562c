// TaskErrorService.
#ifndef DMGR_SERVER_RPC_TASK_ERROR_SERVICE_H_
#define DMGR_SERVER_RPC_TASK_ERROR_SERVICE_H_

#include "dmgr/v1/task_error_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class TaskErrorServiceImpl final : public v1::TaskErrorService::Service {
 public:
  TaskErrorServiceImpl(Guard* guard, const Resources* services)
      : guard_(guard), services_(services) {}

  grpc::Status ListTaskErrors(grpc::ServerContext* context,
                              const v1::ListTaskErrorsRequest* request,
                              v1::ListTaskErrorsResponse* response) override;
  grpc::Status HandleTaskError(grpc::ServerContext* context,
                               const v1::HandleTaskErrorRequest* request,
                               v1::HandleTaskErrorResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_TASK_ERROR_SERVICE_H_
