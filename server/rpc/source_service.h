// SourceService.
#ifndef DMGR_SERVER_RPC_SOURCE_SERVICE_H_
#define DMGR_SERVER_RPC_SOURCE_SERVICE_H_

#include "dmgr/v1/source_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class SourceServiceImpl final : public v1::SourceService::Service {
 public:
  SourceServiceImpl(Guard* guard, const Resources* services) : guard_(guard), services_(services) {}

  grpc::Status CreateSource(grpc::ServerContext* context, const v1::CreateSourceRequest* request,
                            v1::CreateSourceResponse* response) override;
  grpc::Status UpdateSource(grpc::ServerContext* context, const v1::UpdateSourceRequest* request,
                            v1::UpdateSourceResponse* response) override;
  grpc::Status RollbackSource(grpc::ServerContext* context,
                              const v1::RollbackSourceRequest* request,
                              v1::RollbackSourceResponse* response) override;
  grpc::Status ListSourceRevisions(grpc::ServerContext* context,
                                   const v1::ListSourceRevisionsRequest* request,
                                   v1::ListSourceRevisionsResponse* response) override;
  grpc::Status GetSourceRevision(grpc::ServerContext* context,
                                 const v1::GetSourceRevisionRequest* request,
                                 v1::GetSourceRevisionResponse* response) override;
  grpc::Status DeleteSource(grpc::ServerContext* context, const v1::DeleteSourceRequest* request,
                            v1::DeleteSourceResponse* response) override;
  grpc::Status TransferSource(grpc::ServerContext* context,
                              const v1::TransferSourceRequest* request,
                              v1::TransferSourceResponse* response) override;
  grpc::Status SetSourceRelay(grpc::ServerContext* context,
                              const v1::SetSourceRelayRequest* request,
                              v1::SetSourceRelayResponse* response) override;
  grpc::Status PurgeSourceRelay(grpc::ServerContext* context,
                                const v1::PurgeSourceRelayRequest* request,
                                v1::PurgeSourceRelayResponse* response) override;
  grpc::Status AdoptSource(grpc::ServerContext* context, const v1::AdoptSourceRequest* request,
                           v1::AdoptSourceResponse* response) override;
  grpc::Status CheckSource(grpc::ServerContext* context, const v1::CheckSourceRequest* request,
                           v1::CheckSourceResponse* response) override;
  grpc::Status GetSource(grpc::ServerContext* context, const v1::GetSourceRequest* request,
                         v1::GetSourceResponse* response) override;
  grpc::Status ListSources(grpc::ServerContext* context, const v1::ListSourcesRequest* request,
                           v1::ListSourcesResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_SOURCE_SERVICE_H_
