// ValidationService.
#ifndef DMGR_SERVER_RPC_VALIDATION_SERVICE_H_
#define DMGR_SERVER_RPC_VALIDATION_SERVICE_H_

#include "dmgr/v1/validation_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class ValidationServiceImpl final : public v1::ValidationService::Service {
 public:
  ValidationServiceImpl(Guard* guard, const Resources* services)
      : guard_(guard), services_(services) {}

  grpc::Status StartValidation(grpc::ServerContext* context,
                               const v1::StartValidationRequest* request,
                               v1::StartValidationResponse* response) override;
  grpc::Status StopValidation(grpc::ServerContext* context,
                              const v1::StopValidationRequest* request,
                              v1::StopValidationResponse* response) override;
  grpc::Status UpdateValidation(grpc::ServerContext* context,
                                const v1::UpdateValidationRequest* request,
                                v1::UpdateValidationResponse* response) override;
  grpc::Status HandleValidationErrors(grpc::ServerContext* context,
                                      const v1::HandleValidationErrorsRequest* request,
                                      v1::HandleValidationErrorsResponse* response) override;
  grpc::Status GetValidation(grpc::ServerContext* context, const v1::GetValidationRequest* request,
                             v1::GetValidationResponse* response) override;
  grpc::Status ListValidationErrors(grpc::ServerContext* context,
                                    const v1::ListValidationErrorsRequest* request,
                                    v1::ListValidationErrorsResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_VALIDATION_SERVICE_H_
