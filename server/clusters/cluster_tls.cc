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
        .Remedy(
            "restore dmgrd's database and master key from a backup, or have the cluster's CA "
            "made anew");
  }
  ASSIGN_OR_RETURN(
      std::string text,
      resources.secrets->Open(tls.sealed_secrets, certificates::TlsContext(tls.cluster_uuid)));
  const WipeAtEnd wiped(&text);
  return certificates::SecretsOf(text);
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
  std::string text = certificates::ToText(made.secrets);
  const WipeAtEnd wiped(&text);
  made.tls.sealed_secrets =
      resources.secrets->Seal(text, certificates::TlsContext(record->cluster.uuid));
  record->cluster.SetTls(std::make_shared<const topology::Tls>(std::move(made.tls)));
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
