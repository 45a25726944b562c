#include "server/host/far/cluster_record.h"

#include "server/host/far/shared.h"

namespace dmgr::far {

std::string ClusterRecordPath(const std::string& cluster) {
  return std::string(kClustersDir) + "/" + cluster + "/files";
}

void RecordPaths(Context& context, const std::vector<std::string>& paths) {
  LineFile(context.tree, ClusterRecordPath(context.session.cluster())).Add(paths);
}

}  // namespace dmgr::far
