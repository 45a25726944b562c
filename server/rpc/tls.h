// The certificate that dmgrd shows, and those that it takes.
#ifndef DMGR_SERVER_RPC_TLS_H_
#define DMGR_SERVER_RPC_TLS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dmgr::rpc {

// In PEM.
struct TlsFiles {
  // The certificate, with those between it and its CA below it; empty: plain text.
  std::string cert{};
  // Its private key.
  std::string key{};
  // The CAs of clients' certificates; empty: none is asked for.
  std::string client_ca{};
};

// OK when the files can be used as they are. FAILED_PRECONDITION names the file (metadata: path)
// when one cannot be read, certificate and key do not belong together, or the certificate has
// expired, or everybody may read the key.
absl::Status CheckTlsFiles(const TlsFiles& files);

// TLS 1.3 and nothing older, if RequireTls13() was called. Errors: those of CheckTlsFiles. When the
// files change, the new ones are used within seconds.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const TlsFiles& files);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_TLS_H_
