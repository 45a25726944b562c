// The TLS of a cluster, as steps are told of it and record it.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_TLS_STATE_H_
#define DMGR_SERVER_OPERATIONS_STEPS_TLS_STATE_H_

#include "absl/status/status.h"
#include "dmgr/plan/v1/rotate_tls.pb.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// Of a cluster without TLS it has nothing in it.
pv1::TlsState TlsStateOf(const topology::Cluster& cluster);
inline bool HasTls(const pv1::TlsState& state) { return !state.trusted().empty(); }

// Makes the cluster one with it, with all its instances.
void SetTlsState(const pv1::TlsState& state, topology::Cluster* cluster);

// Records what the cluster has.
absl::Status StoreTls(store::Transaction& tx, const topology::Cluster& cluster);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_TLS_STATE_H_
