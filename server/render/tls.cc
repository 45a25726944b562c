#include "server/render/tls.h"

#include <fmt/format.h>

#include <utility>

#include "common/address.h"

namespace dmgr::render {

using topology::Instance;

TlsPaths TlsPathsOf(const Instance& instance) {
  const std::string own = fmt::format("tls/{}", topology::Name(instance.component));
  return {.trusted = "tls/ca.crt", .certificate = own + ".crt", .key = own + ".pem"};
}

std::map<std::string, std::string> TlsKeysOf(const Instance& instance) {
  if (!instance.AnswersOverTls()) return {};
  const TlsPaths paths = TlsPathsOf(instance);
  const std::string dir = instance.deploy_dir + "/";
  return {{"ssl-ca", dir + paths.trusted},
          {"ssl-cert", dir + paths.certificate},
          {"ssl-key", dir + paths.key}};
}

void AddTlsValues(const Instance& instance, Values* values) {
  values->variables["with_tls"] = {.value = instance.HasCertificate() ? "yes" : "",
                                   .optional = true};
  const TlsPaths paths = TlsPathsOf(instance);
  for (const auto& [name, path] :
       {std::pair{"tls_ca", paths.trusted}, std::pair{"tls_cert", paths.certificate},
        std::pair{"tls_key", paths.key}}) {
    values->variables[name] = {.value = fmt::format("{}/{}", instance.deploy_dir, path)};
  }
}

std::string PeerUrl(const Instance& instance, const std::string& host) {
  return (instance.AnswersOverTls() ? "https://" : "http://") +
         JoinHostPort(host, instance.peer_port);
}

}  // namespace dmgr::render
