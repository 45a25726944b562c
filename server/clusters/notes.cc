#include "server/clusters/notes.h"

#include <string>

#include "common/error.h"
#include "common/labels.h"
#include "server/clusters/to_api.h"
#include "server/store/cluster_store.h"

namespace dmgr::clusters {
namespace {

absl::Status Refuse(const std::string& message, const std::string& field) {
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{}", message)
      .Field("update_mask", field);
}

absl::Status Apply(const v1::UpdateClusterRequest& request, store::ClusterRecord* record) {
  if (request.update_mask().paths().empty()) {
    return Refuse("update_mask is empty", "must name description, labels, or both");
  }
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "description") {
      record->description = request.cluster().description();
    } else if (path == "labels") {
      record->labels = request.cluster().labels();
    } else {
      return Refuse(path + " cannot be updated", path + " cannot be updated");
    }
  }
  return CheckLabels("cluster.", record->description, record->labels);
}

}  // namespace

absl::Status UpdateNotes(const Resources& resources, const v1::UpdateClusterRequest& request,
                         const store::Finish& finish, v1::UpdateClusterResponse* response) {
  const std::string& name = request.cluster().name();
  return resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(store::LockCluster(tx, name));
    ASSIGN_OR_RETURN(auto record, store::GetCluster(tx, name));
    RETURN_IF_ERROR(Apply(request, &record));
    RETURN_IF_ERROR(store::SetClusterLabels(tx, record));
    RETURN_IF_ERROR(Show(tx, record, /*full=*/true, response->mutable_cluster()));
    return finish(tx, *response);
  });
}

}  // namespace dmgr::clusters
