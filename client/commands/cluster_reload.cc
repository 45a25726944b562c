// cluster reload.
#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "client/commands/change.h"
#include "client/commands/cluster_config.h"
#include "client/commands/command.h"
#include "client/topology/topology.h"

namespace dmgr::client {
namespace {

using google::protobuf::Struct;

struct ReloadOptions {
  ChangeOptions change;
  std::string name;
  SelectionOptions selection;
  std::vector<std::string> configs;
  unsigned max_parallel = 0;
  bool skip_unreachable = false;
  bool accept_load_restart = false;
};

// The file takes the place of the role's configuration, and of its keys in that of each instance.
template <typename Servers>
absl::Status TakeToml(const std::string& path, Struct* role, Servers* servers) {
  ASSIGN_OR_RETURN(const std::string text, ReadInput(path));
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
  ASSIGN_OR_RETURN(const std::string text, ReadInput(path));
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
  auto& selected = options->selection.roles;
  if (selected.empty()) selected.assign(roles.begin(), roles.end());
  ASSIGN_OR_RETURN(const auto checked,
                   UpdateTopology(environment, cluster, topology, /*validate_only=*/true));
  PrintChange(environment.terminal, WantedTopology(cluster), topology, checked);
  if (options->change.dry_run) return false;
  ASSIGN_OR_RETURN(
      const bool sure,
      IsSure(environment, options->change,
             fmt::format("Bring this to {}, one instance after another?", options->name)));
  if (!sure) return false;
  RETURN_IF_ERROR(UpdateTopology(environment, cluster, topology, /*validate_only=*/false).status());
  return true;
}

absl::StatusOr<ExitCode> Reload(Environment& environment, ReloadOptions options) {
  if (!options.configs.empty()) {
    ASSIGN_OR_RETURN(const bool stored, StoreFiles(environment, &options));
    if (!stored) return options.change.dry_run ? kDone : kRefused;
    options.change.yes = true;
  }
  v1::ReloadClusterRequest request;
  request.set_cluster_name(options.name);
  request.set_max_parallel(options.max_parallel);
  request.set_skip_unreachable(options.skip_unreachable);
  request.set_accept_load_restart(options.accept_load_restart);
  Select(options.selection, request.mutable_selection());
  return Change<v1::ReloadClusterResponse>(
      environment, options.change,
      fmt::format("Bring {} to its configuration, one instance after another?", options.name),
      request);
}

Run DeclareReload(const Syntax& syntax) {
  auto options = std::make_shared<ReloadOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  const Option nodes = DeclareSelection(syntax, &options->selection);
  syntax
      .Add("--config", &options->configs,
           "dm-master.toml, dm-worker.toml or alertmanager.yml for its whole role")
      .File()
      .Excludes(nodes);
  DeclareMaxParallel(syntax, &options->max_parallel);
  DeclareSkip(syntax, &options->skip_unreachable);
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return Reload(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterReloadCommands() {
  return {{"cluster reload", "bring a changed configuration to its instances",
           "dmgrctl cluster reload demo --role dm-worker", DeclareReload}};
}

}  // namespace dmgr::client
