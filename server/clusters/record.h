// The record of a cluster, with what belongs to it: secrets, package, rendered files.
#ifndef DMGR_SERVER_CLUSTERS_RECORD_H_
#define DMGR_SERVER_CLUSTERS_RECORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/clusters/host_before.h"
#include "server/render/render.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/topology/topology.h"

namespace dmgr::clusters {

// NOT_FOUND. Its folder is where its name says from now on, if it was renamed.
absl::StatusOr<store::ClusterRecord> FindCluster(const Resources& resources,
                                                 const std::string& name);

// The record of what was on the step's machine before; NOT_FOUND when it was never surveyed.
absl::StatusOr<HostBefore> LoadBefore(const Resources& resources, const std::string& cluster,
                                      const std::string& machine_id);

// Whether its host does not have the wanted configuration yet.
bool AwaitsReload(const store::ClusterRecord& record, const std::string& instance);

// Contexts under which a cluster's secrets are sealed.
std::string GrafanaContext(const std::string& cluster_uuid);
std::string ClusterKeyContext(const std::string& cluster_uuid);
std::string OptionsContext(const std::string& cluster_uuid);
std::string PendingContext(const std::string& cluster_uuid);
// Of the files that an operation puts back when it is undone.
std::string RestoreContext(const std::string& operation_id);

// Fill sealed_options from the instances, and the instances from there. Of a cluster whose secrets
// were given up the instances get what its topology shows.
void SealOptions(const Resources& resources, store::ClusterRecord* record);
absl::Status OpenOptions(const Resources& resources, store::ClusterRecord* record);

// Makes a record whose secrets were given up one whose topology is given again: Grafana's password
// is a new one, which counts where Grafana has no data yet.
void RenewSecrets(const Resources& resources, store::ClusterRecord* record);

// FAILED_PRECONDITION, SECRETS_FORGOTTEN, when what the instance's configuration needs was given
// up.
absl::Status CheckSecrets(const store::ClusterRecord& record, const topology::Instance& instance);

// Scripts, configuration and unit of an instance, from the cluster's own package tree. Errors also
// as of CheckSecrets.
absl::StatusOr<render::RenderedInstance> RenderOne(const Resources& resources,
                                                   const store::ClusterRecord& record,
                                                   const topology::Instance& instance,
                                                   const render::PackageFiles& files);

// {cluster dir}/{version}.
std::string ClusterTree(const store::ClusterRecord& record);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_RECORD_H_
