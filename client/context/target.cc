#include "client/context/target.h"

#include <tuple>

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
      target.client_cert = context.cert;
      target.client_key = context.key;
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
  // A pair, and from one place.
  if (!flags.client_cert.empty() || !flags.client_key.empty()) {
    target.client_cert = flags.client_cert;
    target.client_key = flags.client_key;
  } else if (target.context.empty()) {
    target.client_cert = EnvironmentOr("DMGR_CLIENT_CERT", "");
    target.client_key = EnvironmentOr("DMGR_CLIENT_KEY", "");
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

absl::StatusOr<Identity> ReadIdentity(const std::string& cert_path, const std::string& key_path) {
  if (cert_path.empty() && key_path.empty()) return Identity();
  const auto refused = [](const std::string& path, const std::string& why) {
    return Error(absl::StatusCode::kInvalidArgument, "CLIENT_CERTIFICATE_UNREADABLE", "{} {}", path,
                 why)
        .With("path", path)
        .Remedy("--client-cert names your certificate, --client-key its key without passphrase");
  };
  if (cert_path.empty()) return refused(key_path, "is a key without its certificate");
  if (key_path.empty()) return refused(cert_path, "is a certificate without its key");
  Identity identity;
  for (const auto& [path, mark, text] :
       {std::tuple(cert_path, "-----BEGIN CERTIFICATE-----", &identity.cert),
        std::tuple(key_path, "PRIVATE KEY-----", &identity.key)}) {
    auto read = ReadFile(path);
    if (!read.ok()) return refused(path, "cannot be read: " + Metadata(read.status(), "why"));
    if (read->find(mark) == std::string::npos) return refused(path, "is not what it should be");
    *text = *std::move(read);
  }
  return identity;
}

}  // namespace dmgr::client
