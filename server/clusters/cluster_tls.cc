#include "server/clusters/cluster_tls.h"

#include <memory>
#include <string>
#include <utility>

#include "common/error.h"
#include "common/secret.h"

namespace dmgr::clusters {
namespace {

absl::StatusOr<certificates::ClusterSecrets> OpenTls(const Resources& resources,
                                                     const topology::Tls& tls,
                                                     const std::string& cluster) {
  if (tls.sealed_secrets.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "TLS_SECRETS_MISSING",
                 "the keys of cluster {}'s TLS are not there: no certificate can be made", cluster)
        .With("cluster", cluster)
        .Remedy("restore dmgrd's database and master key from a backup");
  }
  ASSIGN_OR_RETURN(
      std::string text,
      resources.secrets->Open(tls.sealed_secrets, certificates::TlsContext(tls.cluster_uuid)));
  const WipeAtEnd wiped(&text);
  return certificates::SecretsOf(text);
}

void SealInto(const Resources& resources, certificates::NewTls made, store::ClusterRecord* record) {
  std::string text = certificates::ToText(made.secrets);
  const WipeAtEnd wiped(&text);
  made.tls.sealed_secrets =
      resources.secrets->Seal(text, certificates::TlsContext(record->cluster.uuid));
  record->cluster.SetTls(std::make_shared<const topology::Tls>(std::move(made.tls)));
}

}  // namespace

absl::Status MakeClusterTls(const Resources& resources, const v1::Authority& authority,
                            store::ClusterRecord* record) {
  const bool given = !authority.ca_certificate().empty() || !authority.ca_key().empty();
  const topology::Cluster& cluster = record->cluster;
  const absl::Time now = absl::Now();
  ASSIGN_OR_RETURN(certificates::NewTls made,
                   given ? certificates::MakeTlsUnder(
                               {authority.ca_certificate(), authority.ca_key()}, cluster, now)
                         : certificates::MakeTls(cluster, now));
  SealInto(resources, std::move(made), record);
  return absl::OkStatus();
}

absl::Status TakeOverClusterTls(const Resources& resources, const v1::TiupTls& given,
                                store::ClusterRecord* record) {
  ASSIGN_OR_RETURN(certificates::NewTls taken,
                   certificates::TakeOverTls({given.ca_certificate(), given.ca_key()},
                                             {given.client_certificate(), given.client_key()},
                                             record->cluster, absl::Now()));
  SealInto(resources, std::move(taken), record);
  return absl::OkStatus();
}

absl::StatusOr<v1::TiupTls> TiupTlsOf(const Resources& resources,
                                      const topology::Cluster& cluster) {
  const topology::Tls& tls = *cluster.tls;
  ASSIGN_OR_RETURN(certificates::ClusterSecrets secrets, OpenTls(resources, tls, cluster.name));
  v1::TiupTls given;
  given.set_ca_certificate(tls.trusted);
  // Of one that stands below a CA of somebody's own, that key is not here.
  if (tls.trusted == tls.issuer) given.set_ca_key(std::move(secrets.issuer_key));
  given.set_client_certificate(std::move(secrets.own.certificate));
  given.set_client_key(std::move(secrets.own.key));
  return given;
}

absl::Status ReissueClusterTls(const Resources& resources, store::ClusterRecord* record) {
  const topology::Tls& tls = *record->cluster.tls;
  ASSIGN_OR_RETURN(auto secrets, OpenTls(resources, tls, record->cluster.name));
  ASSIGN_OR_RETURN(certificates::NewTls made,
                   certificates::Reissue(tls, std::move(secrets), absl::Now()));
  SealInto(resources, std::move(made), record);
  return absl::OkStatus();
}

absl::StatusOr<render::Certificates> CertificatesFor(const Resources& resources,
                                                     const topology::Cluster& cluster,
                                                     const topology::Instance& instance) {
  if (!instance.HasCertificate()) return render::Certificates();
  const topology::Tls& tls = *instance.tls;
  ASSIGN_OR_RETURN(const auto secrets, OpenTls(resources, tls, cluster.name));
  ASSIGN_OR_RETURN(certificates::PairText own,
                   certificates::InstanceCertificate(tls, secrets, instance));
  return render::Certificates{
      .trusted = tls.trusted, .certificate = std::move(own.certificate), .key = std::move(own.key)};
}

}  // namespace dmgr::clusters
