#include "server/rpc/validation_service.h"

#include "server/operations/mend/mend.h"
#include "server/rpc/mutation.h"

namespace dmgr::rpc {

grpc::Status ValidationServiceImpl::StartValidation(grpc::ServerContext* context,
                                                    const v1::StartValidationRequest* request,
                                                    v1::StartValidationResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::StartValidation);
}

grpc::Status ValidationServiceImpl::StopValidation(grpc::ServerContext* context,
                                                   const v1::StopValidationRequest* request,
                                                   v1::StopValidationResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::StopValidation);
}

grpc::Status ValidationServiceImpl::UpdateValidation(grpc::ServerContext* context,
                                                     const v1::UpdateValidationRequest* request,
                                                     v1::UpdateValidationResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response, operations::UpdateValidation);
}

grpc::Status ValidationServiceImpl::HandleValidationErrors(
    grpc::ServerContext* context, const v1::HandleValidationErrorsRequest* request,
    v1::HandleValidationErrorsResponse* response) {
  return RunMutation(guard_, *services_, context, *request, response,
                     operations::HandleValidationErrors);
}

grpc::Status ValidationServiceImpl::GetValidation(grpc::ServerContext* context,
                                                  const v1::GetValidationRequest* request,
                                                  v1::GetValidationResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, operations::GetValidation(*services_, *request));
    return absl::OkStatus();
  });
}

grpc::Status ValidationServiceImpl::ListValidationErrors(
    grpc::ServerContext* context, const v1::ListValidationErrorsRequest* request,
    v1::ListValidationErrorsResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, operations::ListValidationErrors(*services_, *request));
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc
