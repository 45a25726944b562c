// cluster verify.
#include "client/commands/command.h"
#include "dmgr/v1/check_service.pb.h"

namespace dmgr::client {
namespace {

// Exits with 1 when there is a difference, as diff and rpm -V do.
Run DeclareVerify(const Syntax& syntax) {
  auto name = DeclareArgument(syntax, "NAME", "cluster");
  return [name](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::VerifyClusterRequest request;
    request.set_cluster_name(*name);
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::VerifyClusterResponse>(request));
    environment.Print(response);
    return response.matches() ? kDone : kFailed;
  };
}

}  // namespace

std::vector<Command> ClusterCheckCommands() {
  return {{"cluster verify",
           "compare hosts, DM and monitoring with the record; exit code 1 when they differ",
           "dmgrctl cluster verify demo", DeclareVerify}};
}

}  // namespace dmgr::client
