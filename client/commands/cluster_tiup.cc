// cluster export: what another tool goes on with.
#include "client/commands/cluster_tiup.h"

#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/cluster_config.h"
#include "client/commands/command.h"
#include "client/topology/tiup.h"
#include "common/error.h"
#include "common/files.h"

namespace dmgr::client {
namespace {

constexpr char kMetaHeader[] =
    "# Cluster {} as dmgr has it. dmgr shows no passwords, remote_config, additional_scrape_conf\n"
    "# and additional_args: they are not here.\n";

struct ExportOptions {
  std::string name;
  bool tiup = false;
  std::string file;
};

absl::StatusOr<ExitCode> Export(Environment& environment, const ExportOptions& options) {
  if (!options.tiup) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "say in whose form: --tiup for TiUP's meta.yaml")
        .Remedy("for dmgr's own: dmgrctl cluster show-config");
  }
  ASSIGN_OR_RETURN(const auto cluster, GetCluster(environment, options.name));
  RETURN_IF_ERROR(WriteTiupMeta(environment, cluster, options.file));
  return kDone;
}

Run DeclareExport(const Syntax& syntax) {
  auto options = std::make_shared<ExportOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Flag("--tiup", &options->tiup, "as the meta.yaml of tiup dm");
  syntax.Add("--output", &options->file, "file that is written (standard output)");
  return [options](Environment& environment) { return Export(environment, *options); };
}

}  // namespace

absl::Status WriteTiupMeta(Environment& environment, const v1::Cluster& cluster,
                           const std::string& file) {
  const TiupText meta = TiupMetaText(cluster);
  const std::string text = fmt::format(kMetaHeader, cluster.name()) + meta.text;
  Terminal& terminal = *environment.terminal;
  if (file.empty()) {
    terminal.out() << text;
  } else {
    RETURN_IF_ERROR(WriteFileAtomically(file, text, 0600));
  }
  for (const auto& sentence : meta.left_out) terminal.err() << "left out: " << sentence << "\n";
  if (!file.empty()) terminal.err() << "wrote " << file << "\n";
  return absl::OkStatus();
}

std::vector<Command> ClusterTiupCommands() {
  return {{"cluster export", "write a cluster's record in the form of another tool",
           "dmgrctl cluster export demo --tiup --output meta.yaml", DeclareExport}};
}

}  // namespace dmgr::client
