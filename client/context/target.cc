#include "client/context/target.h"

#include "client/context/contexts.h"
#include "client/context/files.h"
#include "common/address.h"
#include "common/error.h"
#include "common/files.h"
#include "common/socket_address.h"

namespace dmgr::client {

absl::StatusOr<Target> ResolveTarget(const TargetFlags& flags) {
  Target target;
  const std::string server = EnvironmentOr("DMGR_SERVER", "");
  // An address that was named needs no file, and a damaged one is not to be in its way.
  if (!flags.context.empty() || (flags.server.empty() && server.empty())) {
    ASSIGN_OR_RETURN(const Contexts contexts, LoadContexts());
    target.context =
        flags.context.empty() ? EnvironmentOr("DMGR_CONTEXT", contexts.current) : flags.context;
    if (!target.context.empty()) {
      ASSIGN_OR_RETURN(const Context context, FindContext(contexts, target.context));
      target.server = context.server;
      target.user = context.user;
      target.ca = context.ca;
    }
  }
  if (!flags.server.empty()) {
    target.server = flags.server;
  } else if (target.context.empty()) {
    target.server = server.empty() ? kDefaultServer : server;
  }
  if (!flags.ca.empty()) {
    target.ca = flags.ca;
  } else if (target.context.empty()) {
    target.ca = EnvironmentOr("DMGR_CA", "");
  }
  return target;
}

absl::Status CheckSecrecy(const std::string& address, bool tls) {
  const auto server = ParseHostPort(address);
  if (IsSocketAddress(address)) return absl::OkStatus();
  if (tls || IsLoopback(server.has_value() ? server->host : address)) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "PLAIN_TEXT_REFUSED",
               "{} is another machine, and without TLS anyone on the way could read your password",
               address)
      .With("address", address)
      .Remedy(
          "name the CA of dmgrd's certificate: --ca FILE; or use a tunnel: "
          "ssh -N -L 9527:127.0.0.1:9527 HOST, and --server 127.0.0.1:9527");
}

absl::StatusOr<std::string> ReadCertificates(const std::string& path) {
  auto text = ReadFile(path);
  if (text.ok() && text->find("-----BEGIN CERTIFICATE-----") != std::string::npos) return text;
  return Error(absl::StatusCode::kInvalidArgument, "CA_UNREADABLE", "{} {}", path,
               text.ok() ? "holds no certificate in PEM"
                         : "cannot be read: " + Metadata(text.status(), "why"))
      .With("path", path)
      .Remedy("the file begins with -----BEGIN CERTIFICATE-----; dmgrd's admin has it");
}

}  // namespace dmgr::client
