#include "server/operations/steps/tls_state.h"

#include <memory>
#include <utility>

namespace dmgr::operations {

pv1::TlsState TlsStateOf(const topology::Cluster& cluster) {
  pv1::TlsState state;
  if (cluster.tls == nullptr) return state;
  state.set_trusted(cluster.tls->trusted);
  state.set_issuer(cluster.tls->issuer);
  state.set_issue_time(cluster.tls->issue_time);
  state.set_sealed_tls(cluster.tls->sealed_secrets);
  return state;
}

void SetTlsState(const pv1::TlsState& state, topology::Cluster* cluster) {
  if (!HasTls(state)) return cluster->SetTls(nullptr);
  topology::Tls tls;
  tls.cluster_uuid = cluster->uuid;
  tls.trusted = state.trusted();
  tls.issuer = state.issuer();
  tls.issue_time = state.issue_time();
  tls.sealed_secrets = state.sealed_tls();
  cluster->SetTls(std::make_shared<const topology::Tls>(std::move(tls)));
}

absl::Status StoreTls(store::Transaction& tx, const topology::Cluster& cluster) {
  return store::SetClusterTls(tx, cluster.name,
                              cluster.tls == nullptr ? topology::Tls() : *cluster.tls);
}

}  // namespace dmgr::operations
