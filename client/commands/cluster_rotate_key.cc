// cluster rotate-key.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "dmgr/v1/maintenance_service.pb.h"

namespace dmgr::client {
namespace {

struct RotateKeyOptions {
  ChangeOptions change;
  std::string name;
  bool skip_unreachable = false;
};

Run DeclareRotateKey(const Syntax& syntax) {
  auto options = std::make_shared<RotateKeyOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  DeclareChange(syntax, &options->change);
  DeclareSkip(syntax, &options->skip_unreachable);
  return [options](Environment& environment) {
    v1::RotateClusterKeyRequest request;
    request.set_cluster_name(options->name);
    request.set_skip_unreachable(options->skip_unreachable);
    return Change<v1::RotateClusterKeyResponse>(
        environment, options->change,
        fmt::format("Give {} another SSH key? Its hosts do not let the old one in any more.",
                    options->name),
        request);
  };
}

}  // namespace

std::vector<Command> ClusterRotateKeyCommands() {
  return {{"cluster rotate-key", "give a cluster another SSH key",
           "dmgrctl cluster rotate-key demo", DeclareRotateKey}};
}

}  // namespace dmgr::client
