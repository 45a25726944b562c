// Certificates that clients show in place of a token.
#ifndef DMGR_SERVER_RPC_CLIENT_CERTIFICATES_H_
#define DMGR_SERVER_RPC_CLIENT_CERTIFICATES_H_

#include <grpcpp/server_context.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/accounts/sessions.h"

namespace dmgr::rpc {

// The CAs of a file, read again when it has changed. gRPC looks at a certificate once, when the
// connection is made; here it is looked at with each call, since connections stay for long.
// Thread-safe.
class ClientCertificates {
 public:
  // ca_file: in PEM, with revocation lists if there are any; empty: nobody has a certificate.
  explicit ClientCertificates(std::string ca_file);
  ~ClientCertificates();
  ClientCertificates(const ClientCertificates&) = delete;
  ClientCertificates& operator=(const ClientCertificates&) = delete;

  // FAILED_PRECONDITION (TLS_UNUSABLE) when it cannot be used.
  static absl::Status Check(const std::string& ca_file);

  // That of a call's connection; nullopt: it has none. UNAUTHENTICATED (CERTIFICATE_REFUSED) when
  // it is not good any more, or names nobody.
  absl::StatusOr<std::optional<accounts::Certificate>> Of(const grpc::ServerContextBase& context);

 private:
  struct Authorities;
  static absl::StatusOr<std::shared_ptr<const Authorities>> Read(const std::string& ca_file);
  // Those of now. What cannot be read leaves those of before.
  std::shared_ptr<const Authorities> Present();

  const std::string ca_file_;
  std::mutex mutex_;  // Guards all below.
  std::shared_ptr<const Authorities> authorities_;
  absl::Time next_read_ = absl::InfinitePast();
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_CLIENT_CERTIFICATES_H_
