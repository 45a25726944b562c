#ifndef DMGR_SERVER_RPC_MAINTENANCE_SERVICE_H_
#define DMGR_SERVER_RPC_MAINTENANCE_SERVICE_H_

#include "dmgr/v1/maintenance_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/guard.h"

namespace dmgr::rpc {

class MaintenanceServiceImpl final : public v1::MaintenanceService::Service {
 public:
  MaintenanceServiceImpl(Guard* guard, const Resources* services)
      : guard_(guard), services_(services) {}

  grpc::Status PruneCluster(grpc::ServerContext* context, const v1::PruneClusterRequest* request,
                            v1::PruneClusterResponse* response) override;
  grpc::Status MoveMachine(grpc::ServerContext* context, const v1::MoveMachineRequest* request,
                           v1::MoveMachineResponse* response) override;
  grpc::Status MoveCluster(grpc::ServerContext* context, const v1::MoveClusterRequest* request,
                           v1::MoveClusterResponse* response) override;
  grpc::Status RebuildCluster(grpc::ServerContext* context,
                              const v1::RebuildClusterRequest* request,
                              v1::RebuildClusterResponse* response) override;
  grpc::Status ListCopies(grpc::ServerContext* context, const v1::ListCopiesRequest* request,
                          v1::ListCopiesResponse* response) override;
  grpc::Status BackupCluster(grpc::ServerContext* context, const v1::BackupClusterRequest* request,
                             grpc::ServerWriter<v1::BackupClusterResponse>* writer) override;
  grpc::Status RestoreCluster(grpc::ServerContext* context,
                              grpc::ServerReader<v1::RestoreClusterRequest>* reader,
                              v1::RestoreClusterResponse* response) override;
  grpc::Status CleanCluster(grpc::ServerContext* context, const v1::CleanClusterRequest* request,
                            v1::CleanClusterResponse* response) override;
  grpc::Status RotateClusterTls(grpc::ServerContext* context,
                                const v1::RotateClusterTlsRequest* request,
                                v1::RotateClusterTlsResponse* response) override;
  grpc::Status EnableClusterTls(grpc::ServerContext* context,
                                const v1::EnableClusterTlsRequest* request,
                                v1::EnableClusterTlsResponse* response) override;
  grpc::Status DisableClusterTls(grpc::ServerContext* context,
                                 const v1::DisableClusterTlsRequest* request,
                                 v1::DisableClusterTlsResponse* response) override;
  grpc::Status RotateClusterKey(grpc::ServerContext* context,
                                const v1::RotateClusterKeyRequest* request,
                                v1::RotateClusterKeyResponse* response) override;
  grpc::Status RenameCluster(grpc::ServerContext* context, const v1::RenameClusterRequest* request,
                             v1::RenameClusterResponse* response) override;

 private:
  Guard* guard_;
  const Resources* services_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_MAINTENANCE_SERVICE_H_
