// cluster start, stop, restart, repair, enable, disable, scale-in, upgrade, destroy.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/repair_service.pb.h"

namespace dmgr::client {
namespace {

struct Options {
  ChangeOptions change;
  std::string name;
  SelectionOptions selection;
  bool skip_unreachable = false;
  bool force = false;
  bool accept_load_restart = false;
};

template <typename Request>
Request About(const Options& options) {
  Request request;
  request.set_cluster_name(options.name);
  if constexpr (requires { request.mutable_selection(); }) {
    Select(options.selection, request.mutable_selection());
  }
  if constexpr (requires { request.set_skip_unreachable(true); }) {
    request.set_skip_unreachable(options.skip_unreachable);
  }
  if constexpr (requires { request.set_accept_load_restart(true); }) {
    request.set_accept_load_restart(options.accept_load_restart);
  }
  return request;
}

std::shared_ptr<Options> DeclareCommon(const Syntax& syntax, bool selectable) {
  auto options = std::make_shared<Options>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  if (selectable) DeclareSelection(syntax, &options->selection);
  DeclareChange(syntax, &options->change);
  return options;
}

// The same of what can leave hosts out.
std::shared_ptr<Options> DeclareSkipping(const Syntax& syntax, bool selectable) {
  auto options = DeclareCommon(syntax, selectable);
  DeclareSkip(syntax, &options->skip_unreachable);
  return options;
}

// And of what restarts dm-workers, too.
std::shared_ptr<Options> DeclareRolling(const Syntax& syntax, bool selectable) {
  auto options = DeclareSkipping(syntax, selectable);
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  return options;
}

Run DeclareStart(const Syntax& syntax) {
  auto options = DeclareSkipping(syntax, true);
  return [options](Environment& environment) {
    auto request = About<v1::StartClusterRequest>(*options);
    // Starting takes nothing away: nobody is asked.
    options->change.yes = true;
    return Change<v1::StartClusterResponse>(environment, options->change, "", request);
  };
}

Run DeclareStop(const Syntax& syntax) {
  auto options = DeclareSkipping(syntax, true);
  return [options](Environment& environment) {
    auto request = About<v1::StopClusterRequest>(*options);
    return Change<v1::StopClusterResponse>(
        environment, options->change, fmt::format("Stop {}? Its migrations pause.", options->name),
        request);
  };
}

Run DeclareScaleIn(const Syntax& syntax) {
  auto options = DeclareCommon(syntax, true);
  syntax.Flag("--force", &options->force,
              "leave hosts that cannot be reached, and let a source lose its dm-worker");
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  return [options](Environment& environment) {
    auto request = About<v1::ScaleInClusterRequest>(*options);
    request.set_force(options->force);
    return Change<v1::ScaleInClusterResponse>(
        environment, options->change,
        fmt::format("Take these instances out of {}, with their data? This cannot be "
                    "undone.",
                    options->name),
        request);
  };
}

Run DeclareRestart(const Syntax& syntax) {
  auto options = DeclareRolling(syntax, true);
  auto all_at_once = std::make_shared<bool>(false);
  syntax.Flag("--all-at-once", all_at_once.get(), "stop all, then start all");
  auto max_parallel = std::make_shared<unsigned>(0);
  DeclareMaxParallel(syntax, max_parallel.get());
  return [options, all_at_once, max_parallel](Environment& environment) {
    auto request = About<v1::RestartClusterRequest>(*options);
    request.set_max_parallel(*max_parallel);
    if (*all_at_once) request.set_strategy(v1::STRATEGY_ALL_AT_ONCE);
    const std::string question =
        *all_at_once ? fmt::format("Stop {}, then start it? Its migrations pause.", options->name)
                     : fmt::format("Restart {}, one instance after another?", options->name);
    return Change<v1::RestartClusterResponse>(environment, options->change, question, request);
  };
}

Run DeclareEnable(const Syntax& syntax) {
  auto options = DeclareSkipping(syntax, true);
  return [options](Environment& environment) {
    auto request = About<v1::EnableClusterRequest>(*options);
    return Change<v1::EnableClusterResponse>(
        environment, options->change,
        fmt::format("Have {} started when its hosts boot?", options->name), request);
  };
}

Run DeclareDisable(const Syntax& syntax) {
  auto options = DeclareSkipping(syntax, true);
  return [options](Environment& environment) {
    auto request = About<v1::DisableClusterRequest>(*options);
    return Change<v1::DisableClusterResponse>(
        environment, options->change,
        fmt::format("Have {} stay stopped when its hosts boot?", options->name), request);
  };
}

Run DeclareRepair(const Syntax& syntax) {
  auto options = DeclareRolling(syntax, true);
  return [options](Environment& environment) {
    return Change<v1::RepairClusterResponse>(
        environment, options->change,
        fmt::format(
            "Put right what on the hosts of {} is not as it is recorded? What has other files than "
            "before is restarted.",
            options->name),
        About<v1::RepairClusterRequest>(*options));
  };
}

struct UpgradeOptions {
  std::string version;
  bool offline = false;
  bool allow_downgrade = false;
  unsigned max_parallel = 0;
};

Run DeclareUpgrade(const Syntax& syntax) {
  auto options = DeclareRolling(syntax, false);
  auto upgrade = std::make_shared<UpgradeOptions>();
  syntax.Add("VERSION", &upgrade->version, "of an uploaded package").Required();
  DeclareMaxParallel(syntax, &upgrade->max_parallel);
  syntax.Flag("--offline", &upgrade->offline, "the cluster is stopped, and stays so");
  syntax.Flag("--allow-downgrade", &upgrade->allow_downgrade, "the version may be older");
  return [options, upgrade](Environment& environment) {
    auto request = About<v1::UpgradeClusterRequest>(*options);
    request.set_version(upgrade->version);
    if (upgrade->offline) request.set_strategy(v1::STRATEGY_OFFLINE);
    request.set_allow_downgrade(upgrade->allow_downgrade);
    request.set_max_parallel(upgrade->max_parallel);
    return Change<v1::UpgradeClusterResponse>(
        environment, options->change,
        fmt::format("Upgrade {} to {}, one instance after another?", options->name,
                    upgrade->version),
        request);
  };
}

Run DeclareDestroy(const Syntax& syntax) {
  auto options = DeclareCommon(syntax, false);
  syntax.Flag("--force", &options->force,
              "leave what is on hosts that cannot be reached, and remember it");
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    auto request = About<v1::DestroyClusterRequest>(*options);
    request.set_force(options->force);
    if (!options->change.yes && !options->change.dry_run) {
      RETURN_IF_ERROR(ShowLosses<v1::DestroyClusterResponse>(environment, request));
    }
    return Change<v1::DestroyClusterResponse>(
        environment, options->change,
        fmt::format("Destroy {} with all its data on its hosts? This cannot be undone.",
                    options->name),
        request);
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
          {"cluster repair", "put right what is not as it is recorded; --dry-run lists it",
           "dmgrctl cluster repair demo --dry-run", DeclareRepair},
          {"cluster enable", "start instances when their hosts boot", "dmgrctl cluster enable demo",
           DeclareEnable},
          {"cluster disable", "do not start instances when their hosts boot",
           "dmgrctl cluster disable demo --role grafana", DeclareDisable},
          {"cluster upgrade", "bring a cluster to another version",
           "dmgrctl cluster upgrade demo v7.5.2", DeclareUpgrade},
          {"cluster destroy", "remove a cluster and its data from its hosts",
           "dmgrctl cluster destroy demo", DeclareDestroy}};
}

}  // namespace dmgr::client
