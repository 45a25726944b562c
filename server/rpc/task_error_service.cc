#include "server/rpc/task_error_service.h"

#include "server/operations/mend/mend.h"
#include "server/rpc/mutation.h"

namespace dmgr::rpc {

grpc::Status TaskErrorServiceImpl::ListTaskErrors(grpc::ServerContext* context,
                                                  const v1::ListTaskErrorsRequest* request,
                                                  v1::ListTaskErrorsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, operations::ListTaskErrors(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status TaskErrorServiceImpl::HandleTaskError(grpc::ServerContext* context,
                                                   const v1::HandleTaskErrorRequest* request,
                                                   v1::HandleTaskErrorResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::HandleTaskError);
}

}  // namespace dmgr::rpc
