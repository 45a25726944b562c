// Configurations that tasks have had.
#include "server/clusters/revisions.h"

#include <string>
#include <vector>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/operations/task/seen.h"
#include "server/operations/task/task.h"

namespace dmgr::operations {

absl::StatusOr<std::vector<v1::TaskRevision>> ListTaskRevisions(const Resources& resources,
                                                                const std::string& cluster,
                                                                const std::string& task) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  ASSIGN_OR_RETURN(const auto revisions,
                   clusters::ListKeptRevisions(resources, TaskKey(record.cluster.uuid, task)));
  if (revisions.empty()) return TaskNotFound(cluster, task);
  std::vector<v1::TaskRevision> shown;
  for (const auto& one : revisions) {
    shown.push_back(clusters::ShownRevision<v1::TaskRevision>(one));
  }
  return shown;
}

absl::StatusOr<v1::TaskRevision> GetTaskRevision(const Resources& resources,
                                                 const v1::GetTaskRevisionRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  const auto key = TaskKey(record.cluster.uuid, request.task_name());
  ASSIGN_OR_RETURN(const auto kept, clusters::FindKeptRevision(resources, key, request.revision()));
  if (!kept.has_value()) return TaskNotFound(request.cluster_name(), request.task_name());
  auto shown = clusters::ShownRevision<v1::TaskRevision>(*kept);
  ASSIGN_OR_RETURN(*shown.mutable_config_yaml(),
                   clusters::ShownConfig(resources, key, kept->stored));
  return shown;
}

}  // namespace dmgr::operations
