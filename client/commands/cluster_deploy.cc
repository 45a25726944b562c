// cluster deploy, scale-out.
#include "client/commands/command.h"
#include "client/topology/topology.h"
#include "common/error.h"
#include "common/ids.h"

namespace dmgr::client {
namespace {

struct DeployOptions {
  ChangeOptions change;
  std::string name;
  std::string version;
  std::string file;
  std::string cluster_path;
  bool skip_create_user = false;
  std::string grafana_user;
  bool ask_grafana_password = false;
};

absl::StatusOr<ExitCode> Deploy(Environment& environment, const DeployOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(options.file));
  v1::DeployClusterRequest request;
  ASSIGN_OR_RETURN(*request.mutable_topology(), ParseTopology(text, options.file));
  RETURN_IF_ERROR(AttachFiles(text, options.file, request.mutable_topology()));
  request.set_cluster_name(options.name);
  request.set_version(options.version);
  request.set_cluster_path(options.cluster_path);
  request.set_skip_create_user(options.skip_create_user);
  request.set_grafana_admin_user(options.grafana_user);
  if (options.ask_grafana_password) {
    ASSIGN_OR_RETURN(*request.mutable_grafana_admin_password(),
                     environment.terminal->AskSecret("Grafana admin password"));
  }
  v1::DeployClusterResponse response;
  const auto deploy = [&]() -> absl::Status {
    return WithLines(
        Submit(environment, &v1::ClusterService::Stub::DeployCluster, request, &response), text,
        options.file);
  };
  // The plan is checked, and shown to whoever is asked.
  request.set_validate_only(true);
  if (options.change.dry_run || !options.change.yes) {
    RETURN_IF_ERROR(deploy());
    if (options.change.dry_run) return Follow(environment, response.operation(), options.change);
    const auto& topology = request.topology();
    ASSIGN_OR_RETURN(const bool sure,
                     environment.terminal->Confirm(fmt::format(
                         "Deploy {} {} with {} dm-masters and {} dm-workers in {} steps?",
                         options.name, options.version, topology.master_servers_size(),
                         topology.worker_servers_size(), response.operation().steps_size())));
    if (!sure) return kRefused;
  }
  request.set_validate_only(false);
  request.set_request_id(NewUuid());
  RETURN_IF_ERROR(deploy());
  ASSIGN_OR_RETURN(const ExitCode code, Follow(environment, response.operation(), options.change));
  if (code == kDone && !options.change.detach && !environment.structured()) {
    environment.terminal->err() << "next: dmgrctl cluster start " << options.name << "\n";
  }
  return code;
}

Run DeclareDeploy(CLI::App* app) {
  auto options = std::make_shared<DeployOptions>();
  app->add_option("NAME", options->name, "name of the new cluster")->required();
  app->add_option("VERSION", options->version, "version of an uploaded package")->required();
  app->add_option("FILE", options->file, "topology, in TiUP DM's YAML")
      ->required()
      ->check(CLI::ExistingFile);
  app->add_option("--cluster-path", options->cluster_path,
                  "folder on dmgrd's machine (its configuration's)");
  app->add_flag("--skip-create-user", options->skip_create_user,
                "the user exists on every host and is not to be changed");
  app->add_option("--grafana-user", options->grafana_user, "admin of Grafana (admin)");
  app->add_flag("--grafana-password", options->ask_grafana_password,
                "ask for the password of Grafana's admin");
  DeclareChange(app, &options->change);
  return [options](Environment& environment) { return Deploy(environment, *options); };
}

absl::StatusOr<ExitCode> ScaleOut(Environment& environment, const DeployOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(options.file));
  v1::ScaleOutClusterRequest request;
  ASSIGN_OR_RETURN(*request.mutable_topology(), ParseTopology(text, options.file));
  RETURN_IF_ERROR(AttachFiles(text, options.file, request.mutable_topology()));
  request.set_cluster_name(options.name);
  v1::ScaleOutClusterResponse response;
  const auto call = [&]() -> absl::Status {
    return WithLines(
        Submit(environment, &v1::ClusterService::Stub::ScaleOutCluster, request, &response), text,
        options.file);
  };
  // The plan is checked, and shown to whoever is asked.
  request.set_validate_only(true);
  if (options.change.dry_run || !options.change.yes) {
    RETURN_IF_ERROR(call());
    if (options.change.dry_run) return Follow(environment, response.operation(), options.change);
    ASSIGN_OR_RETURN(const bool sure, environment.terminal->Confirm(fmt::format(
                                          "Add these instances to {} in {} steps?", options.name,
                                          response.operation().steps_size())));
    if (!sure) return kRefused;
  }
  request.set_validate_only(false);
  request.set_request_id(NewUuid());
  RETURN_IF_ERROR(call());
  return Follow(environment, response.operation(), options.change);
}

Run DeclareScaleOut(CLI::App* app) {
  auto options = std::make_shared<DeployOptions>();
  app->add_option("NAME", options->name, "cluster")->required();
  app->add_option("FILE", options->file, "topology with the new instances only")
      ->required()
      ->check(CLI::ExistingFile);
  DeclareChange(app, &options->change);
  return [options](Environment& environment) { return ScaleOut(environment, *options); };
}

}  // namespace

absl::Status WithLines(const absl::Status& status, const std::string& text,
                       const std::string& file) {
  const auto violations = FieldViolations(status);
  if (violations.field_violations_size() == 0) return status;
  const auto& first = violations.field_violations(0);
  const int first_line = LineOf(text, first.field());
  if (violations.field_violations_size() == 1 && first_line > 0) {
    return Error(status.code(), Reason(status), "{}:{}: {}: {}", file, first_line,
                 KeyOf(first.field()), first.description());
  }
  Error error(status.code(), Reason(status), "{}", Message(status));
  for (const auto& violation : violations.field_violations()) {
    const int line = LineOf(text, violation.field());
    error.Field(line > 0 ? fmt::format("{}:{}: {}", file, line, KeyOf(violation.field()))
                         : violation.field(),
                violation.description());
  }
  return error;
}

std::vector<Command> ClusterDeployCommands() {
  return {{"cluster deploy", "put a new cluster on its hosts",
           "dmgrctl cluster deploy demo v7.5.1 topology.yaml", DeclareDeploy},
          {"cluster scale-out", "add instances to a running cluster, and start them",
           "dmgrctl cluster scale-out demo topology.yaml", DeclareScaleOut}};
}

}  // namespace dmgr::client
