// The CA of a cluster that has TLS, and the certificates that follow from it.
#ifndef DMGR_SERVER_CLUSTERS_CLUSTER_TLS_H_
#define DMGR_SERVER_CLUSTERS_CLUSTER_TLS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dmgr/v1/tls.pb.h"
#include "server/certificates/cluster.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

// A new CA for a cluster whose uuid is known, or one below the given one, into its record.
// INVALID_ARGUMENT, TLS_AUTHORITY_INVALID.
absl::Status MakeClusterTls(const Resources& resources, const v1::Authority& authority,
                            store::ClusterRecord* record);

// The CA that another tool has made for it, into its record. INVALID_ARGUMENT,
// TLS_AUTHORITY_INVALID, TLS_CLIENT_INVALID.
absl::Status TakeOverClusterTls(const Resources& resources, const v1::TiupTls& given,
                                store::ClusterRecord* record);

// For that tool to go on with. FAILED_PRECONDITION, TLS_SECRETS_MISSING.
absl::StatusOr<v1::TiupTls> TiupTlsOf(const Resources& resources, const topology::Cluster& cluster);

// New certificates of the same CA, into its record. FAILED_PRECONDITION, TLS_SECRETS_MISSING.
absl::Status ReissueClusterTls(const Resources& resources, store::ClusterRecord* record);

// What an instance shows; empty when it shows nothing. FAILED_PRECONDITION, TLS_SECRETS_MISSING.
absl::StatusOr<render::Certificates> CertificatesFor(const Resources& resources,
                                                     const topology::Cluster& cluster,
                                                     const topology::Instance& instance);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_CLUSTER_TLS_H_
