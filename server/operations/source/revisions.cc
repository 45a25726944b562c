// Configurations that sources have had.
#include "server/clusters/revisions.h"

#include <string>
#include <vector>

#include "common/error.h"
#include "server/clusters/record.h"
#include "server/operations/source/seen.h"
#include "server/operations/source/source.h"

namespace dmgr::operations {

absl::StatusOr<std::vector<v1::SourceRevision>> ListSourceRevisions(const Resources& resources,
                                                                    const std::string& cluster,
                                                                    const std::string& source) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, cluster));
  ASSIGN_OR_RETURN(const auto revisions,
                   clusters::ListKeptRevisions(resources, SourceKey(record.cluster.uuid, source)));
  if (revisions.empty()) return SourceNotFound(cluster, source);
  std::vector<v1::SourceRevision> shown;
  for (const auto& one : revisions) {
    shown.push_back(clusters::ShownRevision<v1::SourceRevision>(one));
  }
  return shown;
}

absl::StatusOr<v1::SourceRevision> GetSourceRevision(const Resources& resources,
                                                     const v1::GetSourceRevisionRequest& request) {
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  const auto key = SourceKey(record.cluster.uuid, request.source_id());
  ASSIGN_OR_RETURN(const auto kept, clusters::FindKeptRevision(resources, key, request.revision()));
  if (!kept.has_value()) return SourceNotFound(request.cluster_name(), request.source_id());
  auto shown = clusters::ShownRevision<v1::SourceRevision>(*kept);
  ASSIGN_OR_RETURN(*shown.mutable_config_yaml(),
                   clusters::ShownConfig(resources, key, kept->stored));
  return shown;
}

}  // namespace dmgr::operations
