// The certificate that dmgrd shows.
#ifndef DMGR_SERVER_RPC_TLS_H_
#define DMGR_SERVER_RPC_TLS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace dmgr::rpc {

// Of two files in PEM: the certificate, with those between it and the CA below it, and its private
// key. FAILED_PRECONDITION names the file when one cannot be read, they do not belong together, or
// the certificate has expired, or everybody may read the key. When the files change, the new ones
// are shown within seconds. Without files: plain text.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const std::string& cert_file, const std::string& key_file);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_TLS_H_
