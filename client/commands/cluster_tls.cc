// cluster tls rotate.
#include <fmt/format.h>

#include "client/commands/authority.h"
#include "client/commands/change.h"
#include "client/commands/command.h"
#include "dmgr/v1/maintenance_service.pb.h"

namespace dmgr::client {
namespace {

struct RotateTlsOptions {
  ChangeOptions change;
  std::string name;
  bool new_ca = false;
  std::string ca_file;
  std::string ca_key_file;
  std::uint32_t max_parallel = 0;
  bool accept_load_restart = false;
};

absl::StatusOr<ExitCode> RotateTls(Environment& environment, const RotateTlsOptions& options) {
  v1::RotateClusterTlsRequest request;
  request.set_cluster_name(options.name);
  request.set_new_authority(options.new_ca);
  request.set_max_parallel(options.max_parallel);
  request.set_accept_load_restart(options.accept_load_restart);
  RETURN_IF_ERROR(ReadAuthority(options.ca_file, options.ca_key_file, &request));
  const bool another = options.new_ca || request.has_authority();
  return Change<v1::RotateClusterTlsResponse>(
      environment, options.change,
      fmt::format("Give {} {}? Its instances are restarted one after another{}.", options.name,
                  another ? "another CA" : "new certificates", another ? ", three times" : ""),
      request);
}

Run DeclareRotateTls(const Syntax& syntax) {
  auto options = std::make_shared<RotateTlsOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Flag("--new-ca", &options->new_ca,
              "also a new CA, which is trusted beside the old one first");
  syntax.Add("--ca", &options->ca_file, "new CA of your own").File();
  syntax.Add("--ca-key", &options->ca_key_file, "its key").File();
  DeclareMaxParallel(syntax, &options->max_parallel);
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return RotateTls(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterTlsCommands() {
  return {{"cluster tls rotate", "give a cluster new certificates, without a stop",
           "dmgrctl cluster tls rotate demo", DeclareRotateTls}};
}

}  // namespace dmgr::client
