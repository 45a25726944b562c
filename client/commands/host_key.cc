#include "client/commands/host_key.h"

#include <algorithm>
#include <vector>

#include "client/commands/command.h"
#include "client/known_hosts.h"
#include "dmgr/v1/host_key_service.pb.h"

namespace dmgr::client {
namespace {

constexpr unsigned kSshPort = 22;

absl::StatusOr<v1::HostKey> Scan(Environment& environment, const std::string& host, unsigned port,
                                 const std::string& via, const std::vector<std::string>& keys) {
  v1::ScanHostKeyRequest request;
  request.set_host(host);
  request.set_ssh_port(port);
  request.set_via(via);
  for (const auto& key : keys) request.add_key_types(key.substr(0, key.find(' ')));
  ASSIGN_OR_RETURN(const auto response, environment.Call<v1::ScanHostKeyResponse>(request));
  return response.host_key();
}

bool Has(const std::vector<std::string>& keys, const v1::HostKey& key) {
  return std::find(keys.begin(), keys.end(), key.public_key()) != keys.end();
}

}  // namespace

void DeclareHostKey(const Syntax& syntax, HostKeyOptions* options) {
  const Option key = syntax.Add("--fingerprint,--host-key", &options->host_key,
                                "SHA256:... of the host key that the host must show");
  syntax
      .Add("--known-hosts", &options->known_hosts,
           "file of OpenSSH that has the host key, such as ~/.ssh/known_hosts")
      .File()
      .Excludes(key);
  syntax.Add("--via", &options->via, "machine that the host is reached through, as a jump host");
}

absl::Status ReadKnownHosts(Environment& environment, const std::string& host, unsigned port,
                            HostKeyOptions* options) {
  if (options->known_hosts.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text, ReadInput(options->known_hosts));
  const KnownKeys known = FindKnownKeys(text, host, port == 0 ? kSshPort : port);
  if (known.keys.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "NO_HOST_KEY", "{} has no key of {}",
                 options->known_hosts, host)
        .Remedy("connect once by ssh and confirm the key, or pass --fingerprint SHA256:...");
  }
  ASSIGN_OR_RETURN(const v1::HostKey shown,
                   Scan(environment, host, port, options->via, known.keys));
  if (!Has(known.keys, shown) || Has(known.revoked, shown)) {
    return Error(absl::StatusCode::kFailedPrecondition, "HOST_KEY_MISMATCH",
                 "{} shows the host key {} ({}), which {} {}", host, shown.fingerprint(),
                 shown.type(), options->known_hosts,
                 Has(known.revoked, shown) ? "revokes" : "does not have")
        .Remedy(
            "it was installed anew, or somebody else answers in its place: compare the key on the "
            "host itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)");
  }
  options->host_key = shown.public_key();
  return absl::OkStatus();
}

absl::StatusOr<bool> ConfirmHostKey(Environment& environment, const std::string& host,
                                    unsigned port, bool yes, HostKeyOptions* options) {
  ASSIGN_OR_RETURN(const v1::HostKey shown, Scan(environment, host, port, options->via, {}));
  if (yes || !environment.terminal->Interactive()) {
    return Error(absl::StatusCode::kInvalidArgument, "NO_HOST_KEY",
                 "nobody has confirmed the host key of {}; it shows {} ({})", host,
                 shown.fingerprint(), shown.type())
        .Remedy(
            "compare it on the host itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), "
            "then "
            "pass --fingerprint SHA256:..., or --known-hosts FILE");
  }
  options->host_key = shown.fingerprint();
  return environment.terminal->Confirm(fmt::format(
      "{} shows the host key {} ({}). Is it this host?", host, shown.fingerprint(), shown.type()));
}

}  // namespace dmgr::client
