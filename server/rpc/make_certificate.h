// A CA of one's own, for who has none.
#ifndef DMGR_SERVER_RPC_MAKE_CERTIFICATE_H_
#define DMGR_SERVER_RPC_MAKE_CERTIFICATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace dmgr::rpc {

struct CertificateFiles {
  // What clients are given.
  std::string ca;
  // What [server] tls_cert and tls_key name.
  std::string cert;
  std::string key;
};

// Makes a CA in the folder, unless it has one, and a certificate of it for these names and
// addresses, in place of an older one. Keys are readable for their owner only. INVALID_ARGUMENT for
// what is no name; errors of common/files.h.
absl::StatusOr<CertificateFiles> MakeCertificate(const std::string& folder,
                                                 const std::vector<std::string>& names);
// The host's name, localhost, and the loopback addresses.
std::vector<std::string> OwnNames();

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_MAKE_CERTIFICATE_H_
