// What dmgr wrote on this host for a cluster: one path a line in
// /var/lib/dmgr/clusters/{uuid}/files, written before the effect. It is how RemovePaths tells
// dmgr's files from others'.
#ifndef DMGR_SERVER_HOST_FAR_STATE_CLUSTER_RECORD_H_
#define DMGR_SERVER_HOST_FAR_STATE_CLUSTER_RECORD_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "server/host/far/base/context.h"

namespace dmgr::far {

inline constexpr char kClustersDir[] = "/var/lib/dmgr/clusters";

std::string ClusterRecordPath(const std::string& cluster);
// Adds to the record of this far end's cluster.
void RecordPaths(Context& context, const std::vector<std::string>& paths);
// Takes lines out of a file of the record.
void ForgetLines(Context& context, const std::string& file,
                 const std::function<bool(const std::string& line)>& gone);
// Takes out of it what is gone.
void ForgetPaths(Context& context, const std::function<bool(const std::string& path)>& gone);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_CLUSTER_RECORD_H_
