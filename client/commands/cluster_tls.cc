// cluster tls rotate, enable, disable.
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

struct SwitchTlsOptions {
  ChangeOptions change;
  std::string name;
  std::string ca_file;
  std::string ca_key_file;
  bool accept_load_restart = false;
};

constexpr char kHowItGoes[] =
    "DM stops, its dm-masters begin anew with what they kept, and tasks go on some seconds later.";

absl::StatusOr<ExitCode> EnableTls(Environment& environment, const SwitchTlsOptions& options) {
  v1::EnableClusterTlsRequest request;
  request.set_cluster_name(options.name);
  request.set_accept_load_restart(options.accept_load_restart);
  RETURN_IF_ERROR(ReadAuthority(options.ca_file, options.ca_key_file, &request));
  return Change<v1::EnableClusterTlsResponse>(
      environment, options.change, fmt::format("Enable TLS for {}? {}", options.name, kHowItGoes),
      request);
}

absl::StatusOr<ExitCode> DisableTls(Environment& environment, const SwitchTlsOptions& options) {
  v1::DisableClusterTlsRequest request;
  request.set_cluster_name(options.name);
  request.set_accept_load_restart(options.accept_load_restart);
  return Change<v1::DisableClusterTlsResponse>(
      environment, options.change,
      fmt::format("Disable TLS for {}? Whoever is in its network can then change it. {}",
                  options.name, kHowItGoes),
      request);
}

Run DeclareEnableTls(const Syntax& syntax) {
  auto options = std::make_shared<SwitchTlsOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("--ca", &options->ca_file, "CA of your own").File();
  syntax.Add("--ca-key", &options->ca_key_file, "its key").File();
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return EnableTls(environment, *options); };
}

Run DeclareDisableTls(const Syntax& syntax) {
  auto options = std::make_shared<SwitchTlsOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  DeclareAcceptLoad(syntax, &options->accept_load_restart);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) { return DisableTls(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterTlsCommands() {
  return {{"cluster tls rotate", "give a cluster new certificates, without a stop",
           "dmgrctl cluster tls rotate demo", DeclareRotateTls},
          {"cluster tls enable", "have a running cluster speak TLS, with its tasks",
           "dmgrctl cluster tls enable demo", DeclareEnableTls},
          {"cluster tls disable", "have a running cluster speak TLS no more, with its tasks",
           "dmgrctl cluster tls disable demo", DeclareDisableTls}};
}

}  // namespace dmgr::client
