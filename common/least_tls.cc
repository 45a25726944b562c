#include "common/least_tls.h"

#include <cstdlib>

namespace dmgr {
namespace {

// Where gRPC 1.51 looks for the suites of TLS 1.2, once (grpc_get_ssl_cipher_suites() in
// security_connector/ssl_utils.cc). It asks OpenSSL for 1.2 as the least version by itself
// (ssl_transport_security.cc), after any configuration of OpenSSL, and has no setter for it.
constexpr char kSuitesOfTls12[] = "GRPC_SSL_CIPHER_SUITES";
// OpenSSL offers and takes it only where there is a callback for a shared key, which gRPC does not
// set: a handshake of TLS 1.2 has no suite. Those of 1.3 are another list, which stays as it is.
constexpr char kNeverNegotiated[] = "PSK-AES256-GCM-SHA384";

}  // namespace

void RequireTls13() {
  // Whatever somebody has set there could only let TLS 1.2 in.
  setenv(kSuitesOfTls12, kNeverNegotiated, /*overwrite=*/1);
}

}  // namespace dmgr
