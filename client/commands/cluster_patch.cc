// cluster patch.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/upload.h"
#include "dmgr/v1/cluster_service.pb.h"

namespace dmgr::client {
namespace {

struct PatchOptions {
  ChangeOptions change;
  std::string name;
  SelectionOptions selection;
  std::string file;
  bool overwrite = false;
  bool revert = false;
  unsigned max_parallel = 0;
  bool skip_unreachable = false;
  bool accept_load_restart = false;
};

absl::StatusOr<ExitCode> Revert(Environment& environment, const PatchOptions& options) {
  v1::RevertClusterPatchesRequest request;
  request.set_cluster_name(options.name);
  request.set_max_parallel(options.max_parallel);
  request.set_skip_unreachable(options.skip_unreachable);
  request.set_accept_load_restart(options.accept_load_restart);
  Select(options.selection, request.mutable_selection());
  return Change<v1::RevertClusterPatchesResponse>(
      environment, options.change,
      fmt::format("Take the patches off {}, one instance after another?", options.name), request);
}

absl::StatusOr<ExitCode> Patch(Environment& environment, PatchOptions options) {
  if (options.revert) return Revert(environment, options);
  if (options.file.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "FILE is missing, and so is --revert");
  }
  ASSIGN_OR_RETURN(const bool sure,
                   IsSure(environment, options.change,
                          fmt::format("Patch {} with {}, one instance after another?", options.name,
                                      options.file)));
  if (!sure) return kRefused;
  options.change.yes = true;
  const auto& roles = options.selection.roles;
  const auto component =
      roles.size() == 1 ? FromWord<v1::Component>(roles.front()) : v1::COMPONENT_UNSPECIFIED;
  ASSIGN_OR_RETURN(const auto uploaded, UploadPatch(environment, options.file, component));
  v1::PatchClusterRequest request;
  request.set_cluster_name(options.name);
  request.set_patch_id(uploaded.patch().patch_id());
  request.set_overwrite(options.overwrite);
  request.set_max_parallel(options.max_parallel);
  request.set_skip_unreachable(options.skip_unreachable);
  request.set_accept_load_restart(options.accept_load_restart);
  Select(options.selection, request.mutable_selection());
  return Change<v1::PatchClusterResponse>(environment, options.change, "", request);
}

Run DeclarePatch(const Syntax& syntax) {
  auto options = std::make_shared<PatchOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  DeclareSelection(syntax, &options->selection);
  DeclareMaxParallel(syntax, &options->max_parallel);
  DeclareSkip(syntax, &options->skip_unreachable);
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  DeclareChange(syntax, &options->change);
  const Option file =
      syntax.Add("FILE", &options->file, "a program, or a tarball that holds one, of a component");
  file.File();
  const Option overwrite =
      syntax.Flag("--overwrite", &options->overwrite, "instances that are added later get it, too");
  syntax.Flag("--revert", &options->revert, "take patches off").Excludes(file).Excludes(overwrite);
  return [options](Environment& environment) { return Patch(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterPatchCommands() {
  return {{"cluster patch", "give instances another program than their package's",
           "dmgrctl cluster patch demo ./dm-worker --role dm-worker", DeclarePatch}};
}

}  // namespace dmgr::client
