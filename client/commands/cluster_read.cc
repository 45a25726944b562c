// cluster list, show, status.
#include "client/commands/command.h"
#include "common/error.h"

namespace dmgr::client {
namespace {

Run DeclareList(CLI::App*) {
  return [](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::ListClustersResponse all;
    v1::ListClustersRequest request;
    do {
      v1::ListClustersResponse page;
      RETURN_IF_ERROR(connection.Call(connection.clusters(),
                                      &v1::ClusterService::Stub::ListClusters, request, &page));
      all.mutable_clusters()->MergeFrom(page.clusters());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    environment.Print(all);
    return kDone;
  };
}

Run DeclareShow(CLI::App* app) {
  auto name = std::make_shared<std::string>();
  app->add_option("NAME", *name, "cluster")->required();
  return [name](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::GetClusterRequest request;
    request.set_cluster_name(*name);
    v1::GetClusterResponse response;
    RETURN_IF_ERROR(connection.Call(connection.clusters(), &v1::ClusterService::Stub::GetCluster,
                                    request, &response));
    environment.Print(response);
    return kDone;
  };
}

Run DeclareStatus(CLI::App* app) {
  auto name = std::make_shared<std::string>();
  app->add_option("NAME", *name, "cluster")->required();
  return [name](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::GetClusterStatusRequest request;
    request.set_cluster_name(*name);
    v1::GetClusterStatusResponse response;
    RETURN_IF_ERROR(connection.Call(
        connection.clusters(), &v1::ClusterService::Stub::GetClusterStatus, request, &response));
    environment.Print(response);
    return kDone;
  };
}

}  // namespace

std::vector<Command> ClusterReadCommands() {
  return {{"cluster list", "list the clusters", "dmgrctl cluster list", DeclareList},
          {"cluster show", "show what is recorded of a cluster", "dmgrctl cluster show demo",
           DeclareShow},
          {"cluster status", "ask every instance how it is", "dmgrctl cluster status demo -o json",
           DeclareStatus}};
}

}  // namespace dmgr::client
