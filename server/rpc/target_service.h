// TargetService.
#ifndef DMGR_SERVER_RPC_TARGET_SERVICE_H_
#define DMGR_SERVER_RPC_TARGET_SERVICE_H_

#include "dmgr/v1/target_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class TargetServiceImpl final : public v1::TargetService::Service {
 public:
  TargetServiceImpl(Guard* guard, const Resources* services) : guard_(guard), services_(services) {}

  grpc::Status CreateTarget(grpc::ServerContext* context, const v1::CreateTargetRequest* request,
                            v1::CreateTargetResponse* response) override;
  grpc::Status UpdateTarget(grpc::ServerContext* context, const v1::UpdateTargetRequest* request,
                            v1::UpdateTargetResponse* response) override;
  grpc::Status RollbackTarget(grpc::ServerContext* context,
                              const v1::RollbackTargetRequest* request,
                              v1::RollbackTargetResponse* response) override;
  grpc::Status ListTargetRevisions(grpc::ServerContext* context,
                                   const v1::ListTargetRevisionsRequest* request,
                                   v1::ListTargetRevisionsResponse* response) override;
  grpc::Status GetTargetRevision(grpc::ServerContext* context,
                                 const v1::GetTargetRevisionRequest* request,
                                 v1::GetTargetRevisionResponse* response) override;
  grpc::Status DeleteTarget(grpc::ServerContext* context, const v1::DeleteTargetRequest* request,
                            v1::DeleteTargetResponse* response) override;
  grpc::Status CheckTarget(grpc::ServerContext* context, const v1::CheckTargetRequest* request,
                           v1::CheckTargetResponse* response) override;
  grpc::Status GetTarget(grpc::ServerContext* context, const v1::GetTargetRequest* request,
                         v1::GetTargetResponse* response) override;
  grpc::Status ListTargets(grpc::ServerContext* context, const v1::ListTargetsRequest* request,
                           v1::ListTargetsResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_TARGET_SERVICE_H_
