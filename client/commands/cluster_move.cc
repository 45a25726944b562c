// cluster move.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/replacements.h"
#include "common/error.h"
#include "dmgr/v1/maintenance_service.pb.h"

namespace dmgr::client {
namespace {

struct MoveOptions {
  ChangeOptions change;
  std::string name;
  std::vector<std::string> pairs;
  bool accept_load_restart = false;
};

Run DeclareMove(const Syntax& syntax) {
  auto options = std::make_shared<MoveOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("--to", &options->pairs, "OLD=NEW: what is on machine OLD comes up on machine NEW")
      .List()
      .Required();
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::MoveClusterRequest request;
    request.set_cluster_name(options->name);
    request.set_accept_load_restart(options->accept_load_restart);
    RETURN_IF_ERROR(ReadReplacements("--to", options->pairs, request.mutable_replacements()));
    return Change<v1::MoveClusterResponse>(
        environment, options->change,
        fmt::format(
            "Move what cluster {} has: {}? Prometheus, Alertmanager and Grafana begin there "
            "with empty data; DM's tasks go on.",
            options->name, fmt::join(options->pairs, ", ")),
        request);
  };
}

}  // namespace

std::vector<Command> ClusterMoveCommands() {
  return {{"cluster move", "bring a cluster, or some of its hosts, to other machines while it runs",
           "dmgrctl cluster move demo --to 10.0.0.4=10.0.0.1", DeclareMove}};
}

}  // namespace dmgr::client
