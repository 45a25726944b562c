// cluster rename.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/output/next_actions.h"
#include "dmgr/v1/maintenance_service.pb.h"

namespace dmgr::client {
namespace {

struct RenameOptions {
  ChangeOptions change;
  std::string name;
  std::string new_name;
};

absl::StatusOr<ExitCode> Rename(Environment& environment, const RenameOptions& options) {
  ASSIGN_OR_RETURN(const bool sure,
                   IsSure(environment, options.change,
                          fmt::format("Rename {} to {}?", options.name, options.new_name)));
  if (!sure) return kRefused;
  v1::RenameClusterRequest request;
  request.set_cluster_name(options.name);
  request.set_new_cluster_name(options.new_name);
  ASSIGN_OR_RETURN(const auto response,
                   Make<v1::RenameClusterResponse>(environment, options.change, request));
  const ExitCode code = Tell(environment, options.change, response,
                             fmt::format("renamed {} to {}", options.name, options.new_name));
  if (!environment.structured() && !response.changed_instances().empty()) {
    environment.terminal->err() << fmt::format(
        "its monitoring {} the name by: dmgrctl cluster reload {}\n",
        options.change.dry_run ? "would get" : "gets", ShellQuoted(options.new_name));
  }
  return code;
}

Run DeclareRename(const Syntax& syntax) {
  auto options = std::make_shared<RenameOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("NEW_NAME", &options->new_name, "what it is to be called").Required();
  DeclareAsked(syntax, &options->change);
  return [options](Environment& environment) { return Rename(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterRenameCommands() {
  return {{"cluster rename", "give a cluster another name", "dmgrctl cluster rename demo orders",
           DeclareRename}};
}

}  // namespace dmgr::client
