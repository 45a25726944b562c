// ClusterService.
#ifndef DMGR_SERVER_RPC_CLUSTER_SERVICE_H_
#define DMGR_SERVER_RPC_CLUSTER_SERVICE_H_

#include <vector>

#include "dmgr/v1/cluster_service.grpc.pb.h"
#include "server/resources/resources.h"
#include "server/rpc/cluster_migrations.h"
#include "server/rpc/guard.h"
#include "server/status/health_board.h"
#include "server/status/member_count.h"
#include "server/status/prober.h"
#include "server/store/cluster_store.h"

namespace dmgr::rpc {

class ClusterServiceImpl final : public v1::ClusterService::Service {
 public:
  ClusterServiceImpl(Guard* guard, const Resources* services)
      : guard_(guard),
        services_(services),
        prober_([services](const std::string& cluster_name) {
          return ProbeWithMigrations(*services, cluster_name);
        }),
        health_([services](const topology::Cluster& cluster, const dm::Cancelled& cancelled) {
          return status::CountAllMembers(services->members, cluster, cancelled);
        }) {}

  grpc::Status DeployCluster(grpc::ServerContext* context, const v1::DeployClusterRequest* request,
                             v1::DeployClusterResponse* response) override;
  grpc::Status StartCluster(grpc::ServerContext* context, const v1::StartClusterRequest* request,
                            v1::StartClusterResponse* response) override;
  grpc::Status StopCluster(grpc::ServerContext* context, const v1::StopClusterRequest* request,
                           v1::StopClusterResponse* response) override;
  grpc::Status DestroyCluster(grpc::ServerContext* context,
                              const v1::DestroyClusterRequest* request,
                              v1::DestroyClusterResponse* response) override;
  grpc::Status ScaleOutCluster(grpc::ServerContext* context,
                               const v1::ScaleOutClusterRequest* request,
                               v1::ScaleOutClusterResponse* response) override;
  grpc::Status ScaleInCluster(grpc::ServerContext* context,
                              const v1::ScaleInClusterRequest* request,
                              v1::ScaleInClusterResponse* response) override;
  grpc::Status RestartCluster(grpc::ServerContext* context,
                              const v1::RestartClusterRequest* request,
                              v1::RestartClusterResponse* response) override;
  grpc::Status UpgradeCluster(grpc::ServerContext* context,
                              const v1::UpgradeClusterRequest* request,
                              v1::UpgradeClusterResponse* response) override;
  grpc::Status UpdateClusterTopology(grpc::ServerContext* context,
                                     const v1::UpdateClusterTopologyRequest* request,
                                     v1::UpdateClusterTopologyResponse* response) override;
  grpc::Status DiscardPendingTopology(grpc::ServerContext* context,
                                      const v1::DiscardPendingTopologyRequest* request,
                                      v1::DiscardPendingTopologyResponse* response) override;
  grpc::Status UpdateCluster(grpc::ServerContext* context, const v1::UpdateClusterRequest* request,
                             v1::UpdateClusterResponse* response) override;
  grpc::Status ReloadCluster(grpc::ServerContext* context, const v1::ReloadClusterRequest* request,
                             v1::ReloadClusterResponse* response) override;
  grpc::Status PatchCluster(grpc::ServerContext* context, const v1::PatchClusterRequest* request,
                            v1::PatchClusterResponse* response) override;
  grpc::Status RevertClusterPatches(grpc::ServerContext* context,
                                    const v1::RevertClusterPatchesRequest* request,
                                    v1::RevertClusterPatchesResponse* response) override;
  grpc::Status EnableCluster(grpc::ServerContext* context, const v1::EnableClusterRequest* request,
                             v1::EnableClusterResponse* response) override;
  grpc::Status DisableCluster(grpc::ServerContext* context,
                              const v1::DisableClusterRequest* request,
                              v1::DisableClusterResponse* response) override;
  grpc::Status GetCluster(grpc::ServerContext* context, const v1::GetClusterRequest* request,
                          v1::GetClusterResponse* response) override;
  grpc::Status ListClusters(grpc::ServerContext* context, const v1::ListClustersRequest* request,
                            v1::ListClustersResponse* response) override;
  grpc::Status GetClusterStatus(grpc::ServerContext* context,
                                const v1::GetClusterStatusRequest* request,
                                v1::GetClusterStatusResponse* response) override;

 private:
  // A call that makes an operation: `submit` is the function of the operations room for it.
  template <typename Request, typename Response, typename Submit>
  grpc::Status RunMutation(grpc::ServerContext* context, const Request& request, Response* response,
                           Submit submit);

  void AddHealth(const std::vector<store::ClusterRecord>& records,
                 v1::ListClustersResponse* response);

  Guard* guard_;
  const Resources* services_;
  status::Prober prober_;
  status::HealthBoard health_;
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_CLUSTER_SERVICE_H_
