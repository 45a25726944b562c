// Which dmgrd a command talks to.
#ifndef DMGR_CLIENT_CONTEXT_TARGET_H_
#define DMGR_CLIENT_CONTEXT_TARGET_H_

#include <string>

#include "absl/status/statusor.h"

namespace dmgr::client {

inline constexpr char kDefaultServer[] = "127.0.0.1:9527";

// What the command line says; empty: nothing.
struct TargetFlags {
  std::string server{};
  std::string context{};
  std::string ca{};
  std::string client_cert{};
  std::string client_key{};
};

struct Target {
  // Its name; empty when none was used.
  std::string context{};
  std::string server{};
  // The context's user.
  std::string user{};
  // File with the certificates to trust; empty: plain text.
  std::string ca{};
  // Files with the user's own certificate and its key; both or neither.
  std::string client_cert{};
  std::string client_key{};
};

// A certificate to show, and its key: the texts of two files in PEM. Both empty: none.
struct Identity {
  std::string cert{};
  std::string key{};
};

// The command line wins over the environment (DMGR_SERVER, DMGR_CONTEXT, DMGR_CA,
// DMGR_CLIENT_CERT, DMGR_CLIENT_KEY), that over the
// current context; in each of them an address over a context's. An address without a context takes
// nothing from the current one.
absl::StatusOr<Target> ResolveTarget(const TargetFlags& flags);

// FAILED_PRECONDITION unless secrets may go there: over TLS, or on this machine.
absl::Status CheckSecrecy(const std::string& address, bool tls);
// The text of a file with certificates in PEM; INVALID_ARGUMENT when it holds none.
absl::StatusOr<std::string> ReadCertificates(const std::string& path);
// INVALID_ARGUMENT (CLIENT_CERTIFICATE_UNREADABLE) when one is named without the other, or is not
// what its name says.
absl::StatusOr<Identity> ReadIdentity(const std::string& cert_path, const std::string& key_path);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_CONTEXT_TARGET_H_
