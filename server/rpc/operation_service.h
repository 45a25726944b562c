// OperationService.
#ifndef DMGR_SERVER_RPC_OPERATION_SERVICE_H_
#define DMGR_SERVER_RPC_OPERATION_SERVICE_H_

#include "dmgr/v1/operation_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"
#include "server/rpc/stream.h"

namespace dmgr::rpc {

// Unary calls are synchronous and short; only those that wait, of which there may be a thousand,
// are asynchronous and cost no thread.
using OperationServiceBase = v1::OperationService::WithCallbackMethod_WaitOperation<
    v1::OperationService::WithCallbackMethod_WatchOperation<
        v1::OperationService::WithCallbackMethod_WatchOperations<v1::OperationService::Service>>>;

class OperationServiceImpl final : public OperationServiceBase {
 public:
  OperationServiceImpl(Guard* guard, const Resources* services, const News& news)
      : guard_(guard), services_(services), news_(news) {}

  grpc::Status GetOperation(grpc::ServerContext* context, const v1::GetOperationRequest* request,
                            v1::GetOperationResponse* response) override;
  grpc::Status ListOperations(grpc::ServerContext* context,
                              const v1::ListOperationsRequest* request,
                              v1::ListOperationsResponse* response) override;
  grpc::Status ListOperationEvents(grpc::ServerContext* context,
                                   const v1::ListOperationEventsRequest* request,
                                   v1::ListOperationEventsResponse* response) override;
  grpc::Status CancelOperation(grpc::ServerContext* context,
                               const v1::CancelOperationRequest* request,
                               v1::CancelOperationResponse* response) override;
  grpc::Status ResumeOperation(grpc::ServerContext* context,
                               const v1::ResumeOperationRequest* request,
                               v1::ResumeOperationResponse* response) override;
  grpc::Status RollbackOperation(grpc::ServerContext* context,
                                 const v1::RollbackOperationRequest* request,
                                 v1::RollbackOperationResponse* response) override;
  grpc::Status AbandonOperation(grpc::ServerContext* context,
                                const v1::AbandonOperationRequest* request,
                                v1::AbandonOperationResponse* response) override;
  grpc::ServerUnaryReactor* WaitOperation(grpc::CallbackServerContext* context,
                                          const v1::WaitOperationRequest* request,
                                          v1::WaitOperationResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchOperationResponse>* WatchOperation(
      grpc::CallbackServerContext* context, const v1::WatchOperationRequest* request) override;
  grpc::ServerWriteReactor<v1::WatchOperationsResponse>* WatchOperations(
      grpc::CallbackServerContext* context, const v1::WatchOperationsRequest* request) override;

 private:
  // A call that changes an operation and answers with it.
  template <typename Request, typename Response>
  grpc::Status Change(const grpc::ServerContext& context,
                      absl::Status (*change)(store::Transaction&, const std::string&),
                      const Request& request, Response* response);

  Guard* guard_;
  const Resources* services_;
  const News news_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_OPERATION_SERVICE_H_
