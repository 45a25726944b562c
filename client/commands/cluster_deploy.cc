// cluster deploy, scale-out.
#include <fmt/format.h>

#include "client/commands/authority.h"
#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/labels.h"
#include "client/commands/topology_file.h"
#include "client/output/next_actions.h"
#include "dmgr/v1/cluster_service.pb.h"

namespace dmgr::client {
namespace {

struct DeployOptions {
  ChangeOptions change;
  std::string name;
  std::string version;
  std::string file;
  std::string cluster_path;
  bool skip_create_user = false;
  bool user_login = false;
  std::string grafana_user;
  bool ask_grafana_password = false;
  std::string description;
  std::vector<std::string> labels;
  std::string ca_file;
  std::string ca_key_file;
};

// Has the plan checked and shown to whoever is asked, then made. `question` says of the plan what
// is to be confirmed.
template <typename Response, typename Request, typename Question>
absl::StatusOr<ExitCode> CheckAskAndMake(Environment& environment, const DeployOptions& options,
                                         const TopologyFile& file, Request request,
                                         const Question& question) {
  if (options.change.dry_run || !options.change.yes) {
    const auto checked = Make<Response>(environment, {.dry_run = true}, request);
    if (!checked.ok()) return file.WithLines(checked.status());
    if (options.change.dry_run) return Follow(environment, checked->operation(), options.change);
    ASSIGN_OR_RETURN(const bool sure,
                     environment.terminal->Confirm(question(checked->operation().steps_size())));
    if (!sure) return kRefused;
  }
  const auto made = Make<Response>(environment, options.change, std::move(request));
  if (!made.ok()) return file.WithLines(made.status());
  return Follow(environment, made->operation(), options.change);
}

absl::StatusOr<ExitCode> Deploy(Environment& environment, const DeployOptions& options) {
  v1::DeployClusterRequest request;
  ASSIGN_OR_RETURN(const TopologyFile file,
                   TopologyFile::Read(options.file, request.mutable_topology()));
  request.set_cluster_name(options.name);
  request.set_version(options.version);
  request.set_cluster_path(options.cluster_path);
  request.set_skip_create_user(options.skip_create_user);
  request.set_user_login(options.user_login);
  request.set_grafana_admin_user(options.grafana_user);
  request.set_description(options.description);
  RETURN_IF_ERROR(ChangeLabels(options.labels, request.mutable_labels()));
  RETURN_IF_ERROR(ReadAuthority(options.ca_file, options.ca_key_file, &request));
  if (options.ask_grafana_password) {
    ASSIGN_OR_RETURN(*request.mutable_grafana_admin_password(),
                     environment.terminal->AskSecret("Grafana admin password"));
  }
  const auto question = [&](int steps) {
    return fmt::format("Deploy {} {} with {} dm-masters and {} dm-workers in {} steps?",
                       options.name, options.version, request.topology().master_servers_size(),
                       request.topology().worker_servers_size(), steps);
  };
  ASSIGN_OR_RETURN(const ExitCode code, CheckAskAndMake<v1::DeployClusterResponse>(
                                            environment, options, file, request, question));
  if (code == kDone && !options.change.detach && !options.change.dry_run &&
      !environment.structured()) {
    environment.terminal->err() << "next: dmgrctl cluster start " << ShellQuoted(options.name)
                                << "\n";
  }
  return code;
}

Run DeclareDeploy(const Syntax& syntax) {
  auto options = std::make_shared<DeployOptions>();
  syntax.Add("NAME", &options->name, "name of the new cluster").Required();
  syntax.Add("VERSION", &options->version, "version of an uploaded package").Required();
  syntax.Add("FILE", &options->file, "topology, in TiUP DM's YAML").Required().File();
  syntax.Add("--cluster-path", &options->cluster_path,
             "folder on dmgrd's machine (its configuration's)");
  syntax.Flag("--skip-create-user", &options->skip_create_user,
              "the user exists on every host and is not to be changed");
  syntax.Flag("--user-login", &options->user_login,
              "whoever has the cluster's key may log in to the hosts as its user");
  syntax.Add("--grafana-user", &options->grafana_user, "admin of Grafana (admin)");
  syntax.Flag("--grafana-password", &options->ask_grafana_password,
              "ask for the password of Grafana's admin");
  syntax.Add("--ca", &options->ca_file, "CA of your own, for a topology with enable_tls (dmgrd's)")
      .File();
  syntax.Add("--ca-key", &options->ca_key_file, "its key").File();
  syntax.Add("--description", &options->description, "what the cluster is for");
  syntax.Add("--label", &options->labels, "KEY=VALUE, to find it by").List();
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return Deploy(environment, *options); };
}

absl::StatusOr<ExitCode> ScaleOut(Environment& environment, const DeployOptions& options) {
  v1::ScaleOutClusterRequest request;
  ASSIGN_OR_RETURN(const TopologyFile file,
                   TopologyFile::Read(options.file, request.mutable_topology()));
  request.set_cluster_name(options.name);
  const auto question = [&](int steps) {
    return fmt::format("Add these instances to {} in {} steps?", options.name, steps);
  };
  return CheckAskAndMake<v1::ScaleOutClusterResponse>(environment, options, file, request,
                                                      question);
}

Run DeclareScaleOut(const Syntax& syntax) {
  auto options = std::make_shared<DeployOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("FILE", &options->file, "topology with the new instances only").Required().File();
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return ScaleOut(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterDeployCommands() {
  return {{"cluster deploy", "put a new cluster on its hosts",
           "dmgrctl cluster deploy demo v7.5.1 topology.yaml", DeclareDeploy},
          {"cluster scale-out", "add instances to a running cluster, and start them",
           "dmgrctl cluster scale-out demo topology.yaml", DeclareScaleOut}};
}

}  // namespace dmgr::client
