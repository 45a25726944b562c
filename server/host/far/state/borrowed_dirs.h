// Directories that were there before, and were given to the cluster's user since nothing was in
// them: whose they were is in /var/lib/dmgr/clusters/{uuid}/borrowed, one "uid gid mode path" a
// line.
#ifndef DMGR_SERVER_HOST_FAR_STATE_BORROWED_DIRS_H_
#define DMGR_SERVER_HOST_FAR_STATE_BORROWED_DIRS_H_

#include <sys/stat.h>

#include <string>

#include "server/host/far/base/context.h"

namespace dmgr::far {

// Before the change; the first record of a path is the one that counts.
void RecordBorrowed(Context& context, const std::string& path, const struct stat& before);
// Gives them back, as far as they are still there.
void ReturnBorrowed(Context& context);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_BORROWED_DIRS_H_
