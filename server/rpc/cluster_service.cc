#include "server/rpc/cluster_service.h"

#include "common/error.h"
#include "server/clusters/notes.h"
#include "server/clusters/to_api.h"
#include "server/operations/deploy/deploy.h"
#include "server/operations/destroy/destroy.h"
#include "server/operations/patch/patch.h"
#include "server/operations/reload/reload.h"
#include "server/operations/restart/restart.h"
#include "server/operations/scale/scale.h"
#include "server/operations/service/service.h"
#include "server/operations/upgrade/upgrade.h"
#include "server/resources/resources.h"
#include "server/rpc/mutation.h"
#include "server/rpc/pages.h"
#include "server/store/cluster_store.h"

namespace dmgr::rpc {

template <typename Request, typename Response, typename Submit>
grpc::Status ClusterServiceImpl::RunMutation(grpc::ServerContext* context, const Request& request,
                                             Response* response, Submit submit) {
  return rpc::RunMutation(guard_, *services_, context, request, response, submit);
}

grpc::Status ClusterServiceImpl::DeployCluster(grpc::ServerContext* context,
                                               const v1::DeployClusterRequest* request,
                                               v1::DeployClusterResponse* response) {
  return RunMutation(context, *request, response, operations::DeployCluster);
}

grpc::Status ClusterServiceImpl::StartCluster(grpc::ServerContext* context,
                                              const v1::StartClusterRequest* request,
                                              v1::StartClusterResponse* response) {
  return RunMutation(context, *request, response, operations::StartCluster);
}

grpc::Status ClusterServiceImpl::StopCluster(grpc::ServerContext* context,
                                             const v1::StopClusterRequest* request,
                                             v1::StopClusterResponse* response) {
  return RunMutation(context, *request, response, operations::StopCluster);
}

grpc::Status ClusterServiceImpl::DestroyCluster(grpc::ServerContext* context,
                                                const v1::DestroyClusterRequest* request,
                                                v1::DestroyClusterResponse* response) {
  return RunMutation(context, *request, response, operations::DestroyCluster);
}

grpc::Status ClusterServiceImpl::ScaleOutCluster(grpc::ServerContext* context,
                                                 const v1::ScaleOutClusterRequest* request,
                                                 v1::ScaleOutClusterResponse* response) {
  return RunMutation(context, *request, response, operations::ScaleOutCluster);
}

grpc::Status ClusterServiceImpl::ScaleInCluster(grpc::ServerContext* context,
                                                const v1::ScaleInClusterRequest* request,
                                                v1::ScaleInClusterResponse* response) {
  return RunMutation(context, *request, response, operations::ScaleInCluster);
}

grpc::Status ClusterServiceImpl::RestartCluster(grpc::ServerContext* context,
                                                const v1::RestartClusterRequest* request,
                                                v1::RestartClusterResponse* response) {
  return RunMutation(context, *request, response, operations::RestartCluster);
}

grpc::Status ClusterServiceImpl::UpgradeCluster(grpc::ServerContext* context,
                                                const v1::UpgradeClusterRequest* request,
                                                v1::UpgradeClusterResponse* response) {
  return RunMutation(context, *request, response, operations::UpgradeCluster);
}

grpc::Status ClusterServiceImpl::UpdateClusterTopology(
    grpc::ServerContext* context, const v1::UpdateClusterTopologyRequest* request,
    v1::UpdateClusterTopologyResponse* response) {
  return guard_->RunChange(
      *context, *request, response, [&](const Session&, Audit* audit, const store::Finish& finish) {
        audit->target = request->cluster_name();
        return operations::UpdateClusterTopology(*services_, *request, finish, response);
      });
}

grpc::Status ClusterServiceImpl::DiscardPendingTopology(
    grpc::ServerContext* context, const v1::DiscardPendingTopologyRequest* request,
    v1::DiscardPendingTopologyResponse* response) {
  return guard_->RunChange(
      *context, *request, response, [&](const Session&, Audit* audit, const store::Finish& finish) {
        audit->target = request->cluster_name();
        return operations::DiscardPendingTopology(*services_, *request, finish, response);
      });
}

grpc::Status ClusterServiceImpl::UpdateCluster(grpc::ServerContext* context,
                                               const v1::UpdateClusterRequest* request,
                                               v1::UpdateClusterResponse* response) {
  return guard_->RunChange(*context, *request, response,
                           [&](const Session&, Audit* audit, const store::Finish& finish) {
                             audit->target = request->cluster().name();
                             return clusters::UpdateNotes(*services_, *request, finish, response);
                           });
}

grpc::Status ClusterServiceImpl::ReloadCluster(grpc::ServerContext* context,
                                               const v1::ReloadClusterRequest* request,
                                               v1::ReloadClusterResponse* response) {
  return RunMutation(context, *request, response, operations::ReloadCluster);
}

grpc::Status ClusterServiceImpl::PatchCluster(grpc::ServerContext* context,
                                              const v1::PatchClusterRequest* request,
                                              v1::PatchClusterResponse* response) {
  return RunMutation(context, *request, response, operations::PatchCluster);
}

grpc::Status ClusterServiceImpl::RevertClusterPatches(
    grpc::ServerContext* context, const v1::RevertClusterPatchesRequest* request,
    v1::RevertClusterPatchesResponse* response) {
  return RunMutation(context, *request, response, operations::RevertClusterPatches);
}

grpc::Status ClusterServiceImpl::EnableCluster(grpc::ServerContext* context,
                                               const v1::EnableClusterRequest* request,
                                               v1::EnableClusterResponse* response) {
  return RunMutation(context, *request, response, operations::EnableCluster);
}

grpc::Status ClusterServiceImpl::DisableCluster(grpc::ServerContext* context,
                                                const v1::DisableClusterRequest* request,
                                                v1::DisableClusterResponse* response) {
  return RunMutation(context, *request, response, operations::DisableCluster);
}

grpc::Status ClusterServiceImpl::GetCluster(grpc::ServerContext* context,
                                            const v1::GetClusterRequest* request,
                                            v1::GetClusterResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) {
    return services_->database->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const auto record, store::GetCluster(tx, request->cluster_name()));
      return clusters::Show(tx, record, request->view() != v1::CLUSTER_VIEW_BASIC,
                            response->mutable_cluster());
    });
  });
}

grpc::Status ClusterServiceImpl::ListClusters(grpc::ServerContext* context,
                                              const v1::ListClustersRequest* request,
                                              v1::ListClustersResponse* response) {
  return guard_->Run(*context, *request, [&](const Session& session, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(const auto seen, guard_->scope().Seen(session.rights));
    ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    ASSIGN_OR_RETURN(const std::string after, PageKey(request->page_token()));
    std::vector<store::ClusterRecord> records;
    RETURN_IF_ERROR(services_->database->Read([&](store::Transaction& tx) -> absl::Status {
      response->Clear();
      ASSIGN_OR_RETURN(records, store::ListClusters(tx, after, size + 1, seen));
      absl::Status shown;
      FillPage(
          records, size,
          [&](const store::ClusterRecord& record) {
            shown.Update(clusters::Show(tx, record, request->view() == v1::CLUSTER_VIEW_FULL,
                                        response->add_clusters()));
            return record.cluster.name;
          },
          response);
      return shown;
    }));
    if (request->with_health()) AddHealth(records, response);
    return absl::OkStatus();
  });
}

// records: those of the answer come first.
void ClusterServiceImpl::AddHealth(const std::vector<store::ClusterRecord>& records,
                                   v1::ListClustersResponse* response) {
  std::vector<topology::Cluster> up;
  for (std::size_t i = 0; i < static_cast<std::size_t>(response->clusters_size()); ++i) {
    if (records[i].state == v1::CLUSTER_STATE_UP) up.push_back(records[i].cluster);
  }
  const auto known = health_.Ask(up);
  for (auto& cluster : *response->mutable_clusters()) {
    if (cluster.state() != v1::CLUSTER_STATE_UP) continue;
    v1::ClusterHealth* health = cluster.mutable_health();
    const auto seen = known.find(cluster.uuid());
    if (seen == known.end()) continue;
    health->set_members(seen->second.members.all);
    health->set_working_members(seen->second.members.working);
    health->mutable_observe_time()->set_seconds(absl::ToUnixSeconds(seen->second.when));
  }
}

grpc::Status ClusterServiceImpl::GetClusterStatus(grpc::ServerContext* context,
                                                  const v1::GetClusterStatusRequest* request,
                                                  v1::GetClusterStatusResponse* response) {
  return guard_->Run(*context, *request, [&](const Session&, Audit*) -> absl::Status {
    ASSIGN_OR_RETURN(*response, prober_.Probe(request->cluster_name()));
    return absl::OkStatus();
  });
}

}  // namespace dmgr::rpc
