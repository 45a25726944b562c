// cluster prune.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "dmgr/v1/maintenance_service.pb.h"

namespace dmgr::client {
namespace {

struct PruneOptions {
  ChangeOptions change;
  std::string name;
};

Run DeclarePrune(const Syntax& syntax) {
  auto options = std::make_shared<PruneOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    v1::PruneClusterRequest request;
    request.set_cluster_name(options->name);
    return Change<v1::PruneClusterResponse>(
        environment, options->change,
        fmt::format("Take members out of DM that are not in the record of {}?", options->name),
        request);
  };
}

}  // namespace

std::vector<Command> ClusterPruneCommands() {
  return {{"cluster prune", "take members out of DM that the record does not have",
           "dmgrctl cluster prune demo", DeclarePrune}};
}

}  // namespace dmgr::client
