// What dmgrd alone knows of a cluster: description and labels.
#ifndef DMGR_SERVER_CLUSTERS_NOTES_H_
#define DMGR_SERVER_CLUSTERS_NOTES_H_

#include "absl/status/status.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/request_store.h"

namespace dmgr::clusters {

// Sets those in the update mask. NOT_FOUND; INVALID_ARGUMENT. Ends its transaction with finish.
absl::Status UpdateNotes(const Resources& resources, const v1::UpdateClusterRequest& request,
                         const store::Finish& finish, v1::UpdateClusterResponse* response);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_NOTES_H_
