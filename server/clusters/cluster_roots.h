// Where on the control machine clusters may have their files: dmgrd writes there as root, and reads
// templates that become scripts on hosts.
#ifndef DMGR_SERVER_CLUSTERS_CLUSTER_ROOTS_H_
#define DMGR_SERVER_CLUSTERS_CLUSTER_ROOTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace dmgr::clusters {

// Whether the path, which is absolute, is one of the roots or below one.
bool IsBelow(const std::vector<std::string>& roots, const std::string& path);

// OK when on the way to the path, as far as there is one, only root and dmgrd's own user can put
// something else: every folder is one of theirs, and writable for its owner alone. A folder in
// which only the owner of an entry can replace it, as in /tmp, will do for an entry that is there
// and theirs. FAILED_PRECONDITION, reason CLUSTER_PATH_UNSAFE, names the folder otherwise.
absl::Status CheckOwnPath(const std::string& path);

}  // namespace dmgr::clusters

#endif  // DMGR_SERVER_CLUSTERS_CLUSTER_ROOTS_H_
