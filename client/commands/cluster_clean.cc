// cluster clean.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "common/error.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/maintenance_service.pb.h"

namespace dmgr::client {
namespace {

struct CleanOptions {
  ChangeOptions change;
  std::string name;
  SelectionOptions selection;
  bool logs = false;
  bool data = false;
  bool all = false;
};

std::string Question(const v1::CleanClusterRequest& request) {
  const char* what = request.logs() ? "logs" : "data";
  if (request.logs() && request.data()) what = "logs and data";
  return fmt::format(
      "Remove these {} of {}?{} This cannot be undone.", what, request.cluster_name(),
      request.data() ? " DM has its sources and tasks in the data of dm-masters." : "");
}

absl::StatusOr<ExitCode> Clean(Environment& environment, const CleanOptions& options) {
  if (!options.logs && !options.data && !options.all) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "say what is to be removed: --logs, --data, or --all for both");
  }
  v1::CleanClusterRequest request;
  request.set_cluster_name(options.name);
  Select(options.selection, request.mutable_selection());
  request.set_logs(options.logs || options.all);
  request.set_data(options.data || options.all);
  if (!options.change.yes && !options.change.dry_run) {
    RETURN_IF_ERROR(ShowLosses<v1::CleanClusterResponse>(environment, request));
  }
  return Change<v1::CleanClusterResponse>(environment, options.change, Question(request), request);
}

Run DeclareClean(const Syntax& syntax) {
  auto options = std::make_shared<CleanOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Flag("--logs", &options->logs, "what is in the log directories");
  syntax.Flag("--data", &options->data, "what is in the data directories");
  syntax.Flag("--all", &options->all, "both");
  DeclareSelection(syntax, &options->selection);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return Clean(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterCleanCommands() {
  return {{"cluster clean", "remove logs or data of a stopped cluster",
           "dmgrctl cluster clean demo --logs", DeclareClean}};
}

}  // namespace dmgr::client
