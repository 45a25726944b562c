#include "server/members/tls.h"

#include <string>
#include <utility>

#include "common/error.h"
#include "common/secret.h"
#include "server/certificates/cluster.h"

namespace dmgr::members {
namespace {

absl::StatusOr<dm::TlsMaterial> Opened(const topology::Tls& tls, const auth::SecretBox* secrets) {
  if (secrets == nullptr || tls.sealed_secrets.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "TLS_SECRETS_MISSING",
                 "the keys of the cluster's TLS are not there, and its processes answer over TLS "
                 "only")
        .Remedy(
            "restore dmgrd's database and master key from a backup, or have the cluster's CA "
            "made anew");
  }
  ASSIGN_OR_RETURN(std::string text,
                   secrets->Open(tls.sealed_secrets, certificates::TlsContext(tls.cluster_uuid)));
  const WipeAtEnd wiped(&text);
  ASSIGN_OR_RETURN(certificates::ClusterSecrets opened, certificates::SecretsOf(text));
  return dm::TlsMaterial{.ca = tls.trusted,
                         .certificate = std::move(opened.own.certificate),
                         .key = std::move(opened.own.key)};
}

}  // namespace

dm::TlsMaterial MaterialOf(const topology::Tls* tls, const auth::SecretBox* secrets) {
  if (tls == nullptr) return {};
  auto opened = Opened(*tls, secrets);
  if (!opened.ok()) return dm::TlsMaterial{.problem = opened.status()};
  return *std::move(opened);
}

}  // namespace dmgr::members
