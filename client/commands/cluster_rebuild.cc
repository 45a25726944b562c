// cluster rebuild, copies.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/replacements.h"
#include "client/commands/when.h"
#include "common/error.h"
#include "dmgr/v1/maintenance_service.pb.h"

namespace dmgr::client {
namespace {

struct RebuildOptions {
  ChangeOptions change;
  std::string name;
  std::string at;
  std::vector<std::string> replaced;
  bool force = false;
};

Run DeclareRebuild(const Syntax& syntax) {
  auto options = std::make_shared<RebuildOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("--at", &options->at,
             "from the copy of then: a date, a time, or 2h for so long ago (the newest)");
  syntax
      .Add("--replace", &options->replaced,
           "OLD=NEW: what is on machine OLD, lost or not, comes up on machine NEW")
      .List();
  syntax.Flag("--force", &options->force,
              "also while a majority of its dm-masters lives: give up what they keep");
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::RebuildClusterRequest request;
    request.set_cluster_name(options->name);
    request.set_force(options->force);
    RETURN_IF_ERROR(
        ReadReplacements("--replace", options->replaced, request.mutable_replacements()));
    if (!options->at.empty()) {
      v1::TimeRange range;
      RETURN_IF_ERROR(ParseRange(options->at, "", &range));
      *request.mutable_copy_time() = range.start_time();
    }
    return Change<v1::RebuildClusterResponse>(
        environment, options->change,
        fmt::format("Rebuild {} from a copy? The data of its dm-masters is removed; its tasks stop "
                    "until they are back.",
                    options->name),
        request);
  };
}

Run DeclareCopies(const Syntax& syntax) {
  auto name = std::make_shared<std::string>();
  syntax.Add("NAME", name.get(), "cluster").Required();
  return [name](Environment& environment) {
    v1::ListCopiesRequest request;
    request.set_cluster_name(*name);
    return environment.Show<v1::ListCopiesResponse>(request);
  };
}

}  // namespace

std::vector<Command> ClusterRebuildCommands() {
  return {{"cluster rebuild", "bring a cluster back whose dm-masters are lost",
           "dmgrctl cluster rebuild demo --force\n"
           "  dmgrctl cluster rebuild demo --replace 10.0.0.1=10.0.0.4 --force",
           DeclareRebuild},
          {"cluster copies", "list copies of what the dm-masters of a cluster keep",
           "dmgrctl cluster copies demo", DeclareCopies}};
}

}  // namespace dmgr::client
