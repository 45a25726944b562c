// cluster reload.
#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "client/commands/cluster_config.h"
#include "client/topology/topology.h"
#include "common/enum_words.h"
#include "common/error.h"
#include "common/ids.h"

namespace dmgr::client {
namespace {

using google::protobuf::Struct;

struct ReloadOptions {
  ChangeOptions change;
  std::string name;
  std::vector<std::string> roles;
  std::vector<std::string> nodes;
  std::vector<std::string> configs;
};

// The file takes the place of the role's configuration, and of its keys in that of each instance.
template <typename Servers>
absl::Status TakeToml(const std::string& path, Struct* role, Servers* servers) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  ASSIGN_OR_RETURN(*role, ParseToml(text, path));
  for (auto& server : *servers) {
    for (const auto& [key, value] : role->fields()) {
      server.mutable_config()->mutable_fields()->erase(key);
    }
    if (server.config().fields().empty()) server.clear_config();
  }
  return absl::OkStatus();
}

absl::Status TakeAlertmanager(const std::string& path, v1::Topology* topology) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  if (topology->alertmanager_servers().empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "NO_SUCH_ROLE",
                 "{} is for Alertmanager, which the cluster has not", path);
  }
  for (auto& server : *topology->mutable_alertmanager_servers()) {
    server.set_config_file(std::filesystem::absolute(path).lexically_normal());
    auto* content = server.mutable_config_file_content();
    content->set_name(std::filesystem::path(path).filename());
    content->set_content(text);
  }
  return absl::OkStatus();
}

// By the file's name, as DM and Alertmanager know it. Adds the role that it is for.
absl::Status TakeFile(const std::string& path, v1::Topology* topology,
                      std::set<std::string>* roles) {
  const std::string name = std::filesystem::path(path).filename();
  if (name == "dm-master.toml") {
    roles->insert("dm-master");
    return TakeToml(path, topology->mutable_server_configs()->mutable_master(),
                    topology->mutable_master_servers());
  }
  if (name == "dm-worker.toml") {
    roles->insert("dm-worker");
    return TakeToml(path, topology->mutable_server_configs()->mutable_worker(),
                    topology->mutable_worker_servers());
  }
  if (name == "alertmanager.yml") {
    roles->insert("alertmanager");
    return TakeAlertmanager(path, topology);
  }
  return Error(absl::StatusCode::kInvalidArgument, "UNKNOWN_FILE",
               "{} is not dm-master.toml, dm-worker.toml or alertmanager.yml", path)
      .With("path", path)
      .Remedy(
          "rules and dashboards come by folder, as rule_dir and dashboard_dir: dmgrctl cluster "
          "edit-config");
}

// Stores what the files say; false when the user does not want it, or a dry run ends here.
absl::StatusOr<bool> StoreFiles(Environment& environment, ReloadOptions* options) {
  ASSIGN_OR_RETURN(const auto cluster, GetCluster(environment, options->name));
  v1::Topology topology = WantedTopology(cluster);
  std::set<std::string> roles;
  for (const auto& path : options->configs) {
    RETURN_IF_ERROR(TakeFile(path, &topology, &roles));
  }
  if (options->roles.empty()) options->roles.assign(roles.begin(), roles.end());
  ASSIGN_OR_RETURN(const auto checked,
                   UpdateTopology(environment, cluster, &topology, /*validate_only=*/true));
  PrintChange(environment.terminal, WantedTopology(cluster), topology, checked);
  if (options->change.dry_run) return false;
  if (!options->change.yes) {
    ASSIGN_OR_RETURN(const bool sure,
                     environment.terminal->Confirm(fmt::format(
                         "Bring this to {}, one instance after another?", options->name)));
    if (!sure) return false;
  }
  RETURN_IF_ERROR(
      UpdateTopology(environment, cluster, &topology, /*validate_only=*/false).status());
  return true;
}

absl::StatusOr<ExitCode> Reload(Environment& environment, ReloadOptions options) {
  if (!options.configs.empty()) {
    ASSIGN_OR_RETURN(const bool stored, StoreFiles(environment, &options));
    if (!stored) return options.change.dry_run ? kDone : kRefused;
  } else if (!options.change.yes && !options.change.dry_run) {
    ASSIGN_OR_RETURN(
        const bool sure,
        environment.terminal->Confirm(fmt::format(
            "Bring {} to its configuration, one instance after another?", options.name)));
    if (!sure) return kRefused;
  }
  v1::ReloadClusterRequest request;
  request.set_cluster_name(options.name);
  request.set_validate_only(options.change.dry_run);
  if (!options.change.dry_run) request.set_request_id(NewUuid());
  for (const auto& role : options.roles) {
    request.mutable_selection()->add_components(FromWord<v1::Component>(role));
  }
  for (const auto& node : options.nodes) request.mutable_selection()->add_nodes(node);
  v1::ReloadClusterResponse response;
  RETURN_IF_ERROR(
      Submit(environment, &v1::ClusterService::Stub::ReloadCluster, request, &response));
  return Follow(environment, response.operation(), options.change);
}

Run DeclareReload(CLI::App* app) {
  auto options = std::make_shared<ReloadOptions>();
  app->add_option("NAME", options->name, "cluster")->required();
  app->add_option("-R,--role", options->roles, "only these components, such as dm-worker")
      ->delimiter(',');
  auto* nodes =
      app->add_option("-N,--node", options->nodes, "only these, by host:port or instance name")
          ->delimiter(',');
  app->add_option("--config", options->configs,
                  "dm-master.toml, dm-worker.toml or alertmanager.yml for its whole role")
      ->check(CLI::ExistingFile)
      ->excludes(nodes);
  DeclareChange(app, &options->change);
  return [options](Environment& environment) { return Reload(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterReloadCommands() {
  return {{"cluster reload", "bring a changed configuration to its instances",
           "dmgrctl cluster reload demo --role dm-worker", DeclareReload}};
}

}  // namespace dmgr::client
