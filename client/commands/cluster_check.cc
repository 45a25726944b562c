// cluster verify, check.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/topology_file.h"
#include "dmgr/v1/check_service.pb.h"
#include "dmgr/v1/operation_service.pb.h"

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

struct CheckOptions {
  ChangeOptions change;
  std::string subject;
  std::string version;
  bool skip_create_user = false;
  bool apply = false;
};

absl::StatusOr<ExitCode> CheckFile(Environment& environment, const CheckOptions& options) {
  if (options.apply) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                 "--apply is for a cluster that is deployed: what is set on its hosts is recorded "
                 "with it")
        .Remedy("deploy it, then: dmgrctl cluster check NAME --apply");
  }
  v1::CheckTopologyRequest request;
  ASSIGN_OR_RETURN(const TopologyFile file,
                   TopologyFile::Read(options.subject, request.mutable_topology()));
  request.set_version(options.version);
  request.set_skip_create_user(options.skip_create_user);
  const auto response = environment.Call<v1::CheckTopologyResponse>(request);
  if (!response.ok()) return file.WithLines(response.status());
  environment.Print(*response);
  return response->ok() ? kDone : kFailed;
}

absl::StatusOr<ExitCode> Apply(Environment& environment, const CheckOptions& options,
                               const v1::CheckClusterResponse& checked) {
  int settings = 0;
  for (const auto& check : checked.checks()) settings += check.tunable() ? 1 : 0;
  if (settings == 0) {
    environment.terminal->err() << "nothing is left that can be set\n";
    return checked.ok() ? kDone : kFailed;
  }
  v1::TuneHostsRequest request;
  request.set_cluster_name(options.subject);
  return Change<v1::TuneHostsResponse>(
      environment, options.change,
      fmt::format("Set {} kernel setting{} on the hosts of {}, now and for each boot? A destroy of "
                  "the cluster leaves them so.",
                  settings, settings == 1 ? "" : "s", options.subject),
      request);
}

absl::StatusOr<ExitCode> Check(Environment& environment, const CheckOptions& options) {
  if (LooksLikeFile(options.subject)) return CheckFile(environment, options);
  v1::CheckClusterRequest request;
  request.set_cluster_name(options.subject);
  ASSIGN_OR_RETURN(const auto response, environment.Call<v1::CheckClusterResponse>(request));
  // With an operation to follow a program wants that one's answer only.
  if (!options.apply || !environment.structured()) environment.Print(response);
  if (options.apply) return Apply(environment, options, response);
  return response.ok() ? kDone : kFailed;
}

Run DeclareCheck(const Syntax& syntax) {
  auto options = std::make_shared<CheckOptions>();
  syntax.Add("NAME", &options->subject, "cluster, or topology file (.yaml) of one that is to be")
      .Required();
  syntax.Add("--version", &options->version, "of a topology file: package that it is for");
  syntax.Flag("--skip-create-user", &options->skip_create_user,
              "of a topology file: the user exists on every host");
  syntax.Flag("--apply", &options->apply,
              "set what can be set, for each boot too; a destroy leaves it so");
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return Check(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterCheckCommands() {
  return {{"cluster verify",
           "compare hosts, DM and monitoring with the record; exit code 1 when they differ",
           "dmgrctl cluster verify demo", DeclareVerify},
          {"cluster check",
           "look at hosts as DM needs them, also before a deploy; exit code 1 when a check fails",
           "dmgrctl cluster check topology.yaml", DeclareCheck}};
}

}  // namespace dmgr::client
