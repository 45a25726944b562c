// Private to this room: paths on hosts that a person names.
#ifndef DMGR_SERVER_INSTANCES_PATHS_H_
#define DMGR_SERVER_INSTANCES_PATHS_H_

#include <string>
#include <string_view>

#include "server/instances/targets.h"

namespace dmgr::instances {

// INVALID_ARGUMENT unless it is absolute and plain: no "..", nothing empty, no control characters.
absl::Status CheckHostPath(const std::string& path);

// FAILED_PRECONDITION, PATH_IS_MANAGED, where a file would take the place of what dmgr has on
// record or DM keeps: programs, scripts, configuration, data of an instance, of whatever cluster,
// on one of the hosts; units; the far end's own folder.
absl::Status CheckUnmanaged(const Resources& resources, const Targets& targets,
                            const std::string& path);

}  // namespace dmgr::instances

#endif  // DMGR_SERVER_INSTANCES_PATHS_H_
