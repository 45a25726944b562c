// cluster list, show, status.
#include "client/commands/command.h"
#include "dmgr/v1/cluster_service.pb.h"

namespace dmgr::client {
namespace {

Run DeclareList(const Syntax& syntax) {
  auto with_health = std::make_shared<bool>(false);
  syntax.Flag("--health", with_health.get(), "and how many members of DM work");
  return [with_health](Environment& environment) {
    v1::ListClustersRequest request;
    request.set_with_health(*with_health);
    return environment.ShowAll<v1::ListClustersResponse>(request);
  };
}

Run DeclareShow(const Syntax& syntax) {
  auto name = DeclareArgument(syntax, "NAME", "cluster");
  return [name](Environment& environment) {
    v1::GetClusterRequest request;
    request.set_cluster_name(*name);
    return environment.Show<v1::GetClusterResponse>(request);
  };
}

Run DeclareStatus(const Syntax& syntax) {
  auto name = DeclareArgument(syntax, "NAME", "cluster");
  auto by_health = std::make_shared<bool>(false);
  syntax.Flag("--exit-code", by_health.get(), "end with 1 when it is not healthy");
  return [name, by_health](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::GetClusterStatusRequest request;
    request.set_cluster_name(*name);
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::GetClusterStatusResponse>(request));
    environment.Print(response);
    return *by_health && !response.healthy() ? kFailed : kDone;
  };
}

}  // namespace

std::vector<Command> ClusterReadCommands() {
  return {{"cluster list", "list the clusters",
           "dmgrctl cluster list\n  dmgrctl cluster list --health", DeclareList},
          {"cluster show", "show what is recorded of a cluster", "dmgrctl cluster show demo",
           DeclareShow},
          {"cluster status", "ask every instance how it is", "dmgrctl cluster status demo -o json",
           DeclareStatus}};
}

}  // namespace dmgr::client
