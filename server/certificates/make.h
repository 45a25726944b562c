// Certificates that dmgrd makes: for itself, and for the clusters that have TLS.
#ifndef DMGR_SERVER_CERTIFICATES_MAKE_H_
#define DMGR_SERVER_CERTIFICATES_MAKE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/certificates/openssl.h"

namespace dmgr::certificates {

struct Pair {
  OpenSsl<X509> certificate;
  OpenSsl<EVP_PKEY> key;
};

// In PEM.
struct PairText {
  // With those between it and what is trusted below it.
  std::string certificate{};
  std::string key{};
};

// What is to be said of whoever shows a certificate.
struct About {
  std::string common_name;
  std::uint64_t serial = 0;
  absl::Time not_before;
  absl::Time not_after;
};

// Errors of all of them: INTERNAL, TLS_NOT_MADE.

// A number that is not used twice.
absl::StatusOr<std::uint64_t> NewSerial();
// Signed by the issuer; nullptr: by itself. below: how many CAs may stand between it and what it
// vouches for.
absl::StatusOr<Pair> MakeAuthority(const About& about, OpenSsl<EVP_PKEY> key, const Pair* issuer,
                                   int below);
// For these names and addresses; usage: such as "serverAuth,clientAuth".
absl::StatusOr<Pair> MakeLeaf(const About& about, OpenSsl<EVP_PKEY> key, const Pair& issuer,
                              const std::vector<std::string>& names, const std::string& usage);
absl::StatusOr<PairText> TextOf(const Pair& pair);

// The first certificate and the key of texts in PEM, if they belong together; else both are empty.
Pair ReadPair(const std::string& certificate, const std::string& key);
// The first certificate of a text in PEM, or nullptr.
OpenSsl<X509> ReadCertificate(const std::string& text);
absl::Time EndOf(const X509& certificate);

// What may stand in a certificate as a name or an address.
bool IsCertificateName(const std::string& name);

}  // namespace dmgr::certificates

#endif  // DMGR_SERVER_CERTIFICATES_MAKE_H_
