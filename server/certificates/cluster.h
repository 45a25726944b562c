// The certificates of a cluster that has TLS. All of them follow from its CA and from what the
// instance is called and where it is: the same ones each time, so that nothing but the CA is kept,
// and what a host has can be compared.
#ifndef DMGR_SERVER_CERTIFICATES_CLUSTER_H_
#define DMGR_SERVER_CERTIFICATES_CLUSTER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/certificates/make.h"
#include "server/topology/topology.h"

namespace dmgr::certificates {

// Name (CN) in the certificate that dmgrd shows to instances.
inline constexpr char kOwnName[] = "dmgr";
// So long before certificates end somebody is told.
inline constexpr absl::Duration kTellBefore = absl::Hours(30 * 24);

// What is sealed of a cluster's TLS.
struct ClusterSecrets {
  // Of topology::Tls::issuer, in PEM.
  std::string issuer_key{};
  // Of which the keys of instances are made.
  std::string seed{};
  // What dmgrd shows.
  PairText own{};
};
std::string ToText(const ClusterSecrets& secrets);
// DATA_LOSS, TLS_UNREADABLE.
absl::StatusOr<ClusterSecrets> SecretsOf(const std::string& text);
// Under which they are sealed.
std::string TlsContext(const std::string& cluster_uuid);

struct NewTls {
  // Without what is sealed.
  topology::Tls tls{};
  ClusterSecrets secrets{};
};
// A new CA, of which everything follows that is issued from now on.
absl::StatusOr<NewTls> MakeTls(const topology::Cluster& cluster, absl::Time now);

// The same under a CA of somebody's own, of which no key is kept. INVALID_ARGUMENT,
// TLS_AUTHORITY_INVALID.
absl::StatusOr<NewTls> MakeTlsUnder(const PairText& authority, const topology::Cluster& cluster,
                                    absl::Time now);

// Of a CA that vouches for the cluster's instances already, and goes on to; its key is kept. shown:
// a certificate of that CA for dmgrd to show. INVALID_ARGUMENT, TLS_AUTHORITY_INVALID,
// TLS_CLIENT_INVALID.
absl::StatusOr<NewTls> TakeOverTls(const PairText& authority, const PairText& shown,
                                   const topology::Cluster& cluster, absl::Time now);

// New certificates of the same CA, later than those.
absl::StatusOr<NewTls> Reissue(const topology::Tls& tls, ClusterSecrets secrets, absl::Time now);

// Of an instance, for its host, its address and this machine itself.
absl::StatusOr<PairText> InstanceCertificate(const topology::Tls& tls,
                                             const ClusterSecrets& secrets,
                                             const topology::Instance& instance);

// The name of who vouches for them.
std::string IssuerOf(const topology::Tls& tls);
// When the first certificate of the cluster ends; what cannot be read has ended.
absl::Time EndOf(const topology::Tls& tls);

}  // namespace dmgr::certificates

#endif  // DMGR_SERVER_CERTIFICATES_CLUSTER_H_
