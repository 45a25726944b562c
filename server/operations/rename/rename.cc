#include "server/operations/rename/rename.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/clusters/to_api.h"
#include "server/clusters/workspace.h"
#include "server/operations/calls/require.h"
#include "server/operations/steps/host_files.h"
#include "server/store/cluster_config_store.h"
#include "server/store/cluster_store.h"
#include "server/store/operation_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {
namespace {

// The name and what awaits a reload by it, if nobody else was faster.
absl::Status StoreName(store::Transaction& tx, const store::ClusterRecord& record,
                       const topology::Cluster& renamed,
                       const std::set<std::string>& needs_reload) {
  RETURN_IF_ERROR(store::LockUnchanged(tx, record));
  RETURN_IF_ERROR(store::CheckFree(tx, record.cluster.name, /*supersede=*/false));
  RETURN_IF_ERROR(store::RenameCluster(tx, record.cluster.name, renamed));
  return store::SetNeedsReload(tx, renamed.name, {needs_reload.begin(), needs_reload.end()});
}

}  // namespace

absl::Status RenameCluster(const Resources& resources, const v1::RenameClusterRequest& request,
                           const store::Finish& finish, v1::RenameClusterResponse* response) {
  const std::string& name = request.new_cluster_name();
  ASSIGN_OR_RETURN(auto record, clusters::FindCluster(resources, request.cluster_name()));
  if (!topology::IsClusterName(name)) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "\"{}\" is no name of a cluster", name)
        .Field("new_cluster_name",
               "must be 1 to 64 letters, digits and . _ -, and begin with none but a letter or "
               "digit");
  }
  RETURN_IF_ERROR(RequireDeployed(record));
  RETURN_IF_ERROR(RequireOwn(record));
  RETURN_IF_ERROR(clusters::OpenOptions(resources, &record));
  store::ClusterRecord renamed = record;
  renamed.cluster.name = name;
  auto& former = renamed.cluster.former_names;
  if (std::ranges::find(former, record.cluster.name) == former.end()) {
    former.push_back(record.cluster.name);
  }
  ASSIGN_OR_RETURN(const auto changed, ChangedInstances(resources, record, renamed));
  std::set<std::string> needs_reload(changed.begin(), changed.end());
  needs_reload.insert(record.needs_reload.begin(), record.needs_reload.end());
  const std::string dir = ClusterDir(record.cluster.cluster_path, name);
  RETURN_IF_ERROR(resources.database->Transact([&](store::Transaction& tx) -> absl::Status {
    RETURN_IF_ERROR(StoreName(tx, record, renamed.cluster, needs_reload));
    RETURN_IF_ERROR(clusters::CheckClusterDirFree(dir));
    ASSIGN_OR_RETURN(const auto stored, store::GetCluster(tx, name));
    response->Clear();
    *response->mutable_cluster() = clusters::ToApi(stored);
    *response->mutable_changed_instances() = {changed.begin(), changed.end()};
    return finish(tx, *response);
  }));
  // Whoever looks for the cluster does it where a kill came before.
  clusters::BringClusterDirHome(dir, record.cluster.uuid);
  return absl::OkStatus();
}

}  // namespace dmgr::operations
