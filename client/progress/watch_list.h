// Watching operations come and go.
#ifndef DMGR_CLIENT_PROGRESS_WATCH_LIST_H_
#define DMGR_CLIENT_PROGRESS_WATCH_LIST_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/environment.h"

namespace dmgr::client {

// A line for every operation that has not ended, then one for each change of one, until the user or
// the session ends it; with -o json a message a line, with -o yaml a document each. Survives a
// restart of dmgrd. cluster: empty for those of all clusters.
absl::StatusOr<ExitCode> WatchList(Environment& environment, const std::string& cluster);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_PROGRESS_WATCH_LIST_H_
