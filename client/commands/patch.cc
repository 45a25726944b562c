// patch list, show, remove: the programs that `cluster patch` has uploaded.
#include "client/commands/change.h"
#include "client/commands/command.h"
#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::client {
namespace {

Run DeclareList(const Syntax&) {
  return [](Environment& environment) {
    return environment.ShowAll<v1::ListPatchesResponse>(v1::ListPatchesRequest());
  };
}

Run DeclareShow(const Syntax& syntax) {
  auto id = DeclareArgument(syntax, "PATCH", "patch id");
  return [id](Environment& environment) {
    v1::GetPatchRequest request;
    request.set_patch_id(*id);
    return environment.Show<v1::GetPatchResponse>(request);
  };
}

Run DeclareRemove(const Syntax& syntax) {
  auto id = DeclareArgument(syntax, "PATCH", "patch id");
  auto options = std::make_shared<ChangeOptions>();
  DeclareAsked(syntax, options.get());
  return [id, options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const bool sure, IsSure(environment, *options, "Remove patch " + *id + "?"));
    if (!sure) return kRefused;
    v1::DeletePatchRequest request;
    request.set_patch_id(*id);
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::DeletePatchResponse>(environment, *options, request));
    return Tell(environment, *options, response, "removed patch " + *id);
  };
}

}  // namespace

std::vector<Command> PatchCommands() {
  return {{"patch list", "list the patches in the warehouse", "dmgrctl patch list", DeclareList},
          {"patch show", "show a patch", "dmgrctl patch show ID", DeclareShow},
          {"patch remove", "remove a patch that no cluster uses", "dmgrctl patch remove ID",
           DeclareRemove}};
}

}  // namespace dmgr::client
