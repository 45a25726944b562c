// Changes of a cluster that is there: start, stop, restart, upgrade, patch, and so on to destroy.
#include <fmt/format.h>

#include "client/commands/upload.h"
#include "common/enum_words.h"
#include "common/error.h"
#include "common/ids.h"

namespace dmgr::client {
namespace {

struct Options {
  ChangeOptions change;
  std::string name;
  std::vector<std::string> roles;
  std::vector<std::string> nodes;
  bool force = false;
};

void Select(const Options& options, v1::Selection* selection) {
  for (const auto& role : options.roles) selection->add_components(FromWord<v1::Component>(role));
  for (const auto& node : options.nodes) selection->add_nodes(node);
}

absl::StatusOr<bool> IsSure(Environment& environment, const Options& options,
                            const std::string& question) {
  if (options.change.yes || options.change.dry_run) return true;
  return environment.terminal->Confirm(question);
}

// Asks, unless told not to, then calls and follows.
template <typename Request, typename Response>
absl::StatusOr<ExitCode> Change(Environment& environment, const Options& options,
                                const std::string& question, Request request,
                                grpc::Status (v1::ClusterService::Stub::*method)(
                                    grpc::ClientContext*, const Request&, Response*)) {
  ASSIGN_OR_RETURN(const bool sure, IsSure(environment, options, question));
  if (!sure) return kRefused;
  request.set_cluster_name(options.name);
  request.set_validate_only(options.change.dry_run);
  if (!options.change.dry_run) request.set_request_id(NewUuid());
  Response response;
  RETURN_IF_ERROR(Submit(environment, method, request, &response));
  return Follow(environment, response.operation(), options.change);
}

std::shared_ptr<Options> DeclareCommon(CLI::App* app, bool selectable) {
  auto options = std::make_shared<Options>();
  app->add_option("NAME", options->name, "cluster")->required();
  if (selectable) {
    app->add_option("-R,--role", options->roles, "only these components, such as dm-worker")
        ->delimiter(',');
    app->add_option("-N,--node", options->nodes, "only these, by host:port or instance name")
        ->delimiter(',');
  }
  DeclareChange(app, &options->change);
  return options;
}

Run DeclareStart(CLI::App* app) {
  auto options = DeclareCommon(app, true);
  return [options](Environment& environment) {
    v1::StartClusterRequest request;
    Select(*options, request.mutable_selection());
    // Starting takes nothing away: nobody is asked.
    options->change.yes = true;
    return Change(environment, *options, "", request, &v1::ClusterService::Stub::StartCluster);
  };
}

Run DeclareStop(CLI::App* app) {
  auto options = DeclareCommon(app, true);
  return [options](Environment& environment) {
    v1::StopClusterRequest request;
    Select(*options, request.mutable_selection());
    return Change(environment, *options,
                  fmt::format("Stop {}? Its migrations pause.", options->name), request,
                  &v1::ClusterService::Stub::StopCluster);
  };
}

Run DeclareScaleIn(CLI::App* app) {
  auto options = DeclareCommon(app, true);
  app->add_flag("--force", options->force,
                "leave hosts that cannot be reached, and let a source lose its dm-worker");
  return [options](Environment& environment) {
    v1::ScaleInClusterRequest request;
    Select(*options, request.mutable_selection());
    request.set_force(options->force);
    return Change(environment, *options,
                  fmt::format("Take these instances out of {}, with their data? This cannot be "
                              "undone.",
                              options->name),
                  request, &v1::ClusterService::Stub::ScaleInCluster);
  };
}

Run DeclareRestart(CLI::App* app) {
  auto options = DeclareCommon(app, true);
  auto all_at_once = std::make_shared<bool>(false);
  app->add_flag("--all-at-once", *all_at_once, "stop all, then start all");
  return [options, all_at_once](Environment& environment) {
    v1::RestartClusterRequest request;
    Select(*options, request.mutable_selection());
    if (*all_at_once) request.set_strategy(v1::STRATEGY_ALL_AT_ONCE);
    const std::string question =
        *all_at_once ? fmt::format("Stop {}, then start it? Its migrations pause.", options->name)
                     : fmt::format("Restart {}, one instance after another?", options->name);
    return Change(environment, *options, question, request,
                  &v1::ClusterService::Stub::RestartCluster);
  };
}

Run DeclareEnable(CLI::App* app) {
  auto options = DeclareCommon(app, true);
  return [options](Environment& environment) {
    v1::EnableClusterRequest request;
    Select(*options, request.mutable_selection());
    return Change(environment, *options,
                  fmt::format("Have {} started when its hosts boot?", options->name), request,
                  &v1::ClusterService::Stub::EnableCluster);
  };
}

Run DeclareDisable(CLI::App* app) {
  auto options = DeclareCommon(app, true);
  return [options](Environment& environment) {
    v1::DisableClusterRequest request;
    Select(*options, request.mutable_selection());
    return Change(environment, *options,
                  fmt::format("Have {} stay stopped when its hosts boot?", options->name), request,
                  &v1::ClusterService::Stub::DisableCluster);
  };
}

struct UpgradeOptions {
  std::string version;
  bool offline = false;
  bool allow_downgrade = false;
};

Run DeclareUpgrade(CLI::App* app) {
  auto options = DeclareCommon(app, false);
  auto upgrade = std::make_shared<UpgradeOptions>();
  app->add_option("VERSION", upgrade->version, "of an uploaded package")->required();
  app->add_flag("--offline", upgrade->offline, "the cluster is stopped, and stays so");
  app->add_flag("--allow-downgrade", upgrade->allow_downgrade, "the version may be older");
  return [options, upgrade](Environment& environment) {
    v1::UpgradeClusterRequest request;
    request.set_version(upgrade->version);
    if (upgrade->offline) request.set_strategy(v1::STRATEGY_OFFLINE);
    request.set_allow_downgrade(upgrade->allow_downgrade);
    return Change(environment, *options,
                  fmt::format("Upgrade {} to {}, one instance after another?", options->name,
                              upgrade->version),
                  request, &v1::ClusterService::Stub::UpgradeCluster);
  };
}

struct PatchOptions {
  std::string file;
  bool overwrite = false;
  bool revert = false;
};

absl::StatusOr<std::string> UploadPatch(Environment& environment, const Options& options,
                                        const std::string& file) {
  ASSIGN_OR_RETURN(const UploadStart start, BeginUpload(environment, file));
  v1::UploadPatchRequest first;
  *first.mutable_header()->mutable_file() = start.header;
  if (options.roles.size() == 1) {
    first.mutable_header()->set_component(FromWord<v1::Component>(options.roles.front()));
  }
  v1::UploadPatchResponse response;
  RETURN_IF_ERROR(SendFile(environment, file, start, first,
                           &v1::WarehouseService::Stub::UploadPatch, &response));
  return response.patch().patch_id();
}

absl::StatusOr<ExitCode> Patch(Environment& environment, Options options,
                               const PatchOptions& patch) {
  if (patch.revert) {
    v1::RevertClusterPatchesRequest request;
    Select(options, request.mutable_selection());
    return Change(environment, options,
                  fmt::format("Take the patches off {}, one instance after another?", options.name),
                  request, &v1::ClusterService::Stub::RevertClusterPatches);
  }
  ASSIGN_OR_RETURN(const bool sure,
                   IsSure(environment, options,
                          fmt::format("Patch {} with {}, one instance after another?", options.name,
                                      patch.file)));
  if (!sure) return kRefused;
  options.change.yes = true;
  v1::PatchClusterRequest request;
  ASSIGN_OR_RETURN(const std::string patch_id, UploadPatch(environment, options, patch.file));
  request.set_patch_id(patch_id);
  request.set_overwrite(patch.overwrite);
  Select(options, request.mutable_selection());
  return Change(environment, options, "", request, &v1::ClusterService::Stub::PatchCluster);
}

Run DeclarePatch(CLI::App* app) {
  auto options = DeclareCommon(app, true);
  auto patch = std::make_shared<PatchOptions>();
  auto* file = app->add_option("FILE", patch->file,
                               "a program, or a tarball that holds one, of a component");
  file->check(CLI::ExistingFile);
  auto* overwrite =
      app->add_flag("--overwrite", patch->overwrite, "instances that are added later get it, too");
  app->add_flag("--revert", patch->revert, "take patches off")->excludes(file, overwrite);
  return [options, patch](Environment& environment) -> absl::StatusOr<ExitCode> {
    if (!patch->revert && patch->file.empty()) {
      return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                   "FILE is missing, and so is --revert");
    }
    return Patch(environment, *options, *patch);
  };
}

Run DeclareDestroy(CLI::App* app) {
  auto options = DeclareCommon(app, false);
  return [options](Environment& environment) {
    return Change(environment, *options,
                  fmt::format("Destroy {} with all its data on its hosts? This cannot be undone.",
                              options->name),
                  v1::DestroyClusterRequest(), &v1::ClusterService::Stub::DestroyCluster);
  };
}

}  // namespace

std::vector<Command> ClusterChangeCommands() {
  return {{"cluster start", "start a cluster, and wait until it is ready",
           "dmgrctl cluster start demo", DeclareStart},
          {"cluster stop", "stop a cluster", "dmgrctl cluster stop demo", DeclareStop},
          {"cluster scale-in", "take instances out of a cluster and off their hosts",
           "dmgrctl cluster scale-in demo --node 10.0.1.5:8262", DeclareScaleIn},
          {"cluster restart", "restart a cluster, one instance after another",
           "dmgrctl cluster restart demo", DeclareRestart},
          {"cluster enable", "start instances when their hosts boot", "dmgrctl cluster enable demo",
           DeclareEnable},
          {"cluster disable", "do not start instances when their hosts boot",
           "dmgrctl cluster disable demo --role grafana", DeclareDisable},
          {"cluster upgrade", "bring a cluster to another version",
           "dmgrctl cluster upgrade demo v7.5.2", DeclareUpgrade},
          {"cluster patch", "give instances another program than their package's",
           "dmgrctl cluster patch demo ./dm-worker --role dm-worker", DeclarePatch},
          {"cluster destroy", "remove a cluster and its data from its hosts",
           "dmgrctl cluster destroy demo", DeclareDestroy}};
}

}  // namespace dmgr::client
