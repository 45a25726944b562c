#include "server/clusters/path_needs.h"

#include <fmt/format.h>

namespace dmgr::clusters {

hv1::Inspect InspectionOf(const PathNeeds& needs) {
  hv1::Inspect inspect;
  for (const auto& path : needs.absent) inspect.add_paths(path);
  for (const auto& path : needs.movable) inspect.add_paths(path);
  return inspect;
}

std::vector<std::string> PathConflicts(const PathNeeds& needs, const hv1::InspectReply& seen) {
  std::vector<std::string> conflicts;
  for (const auto& state : seen.paths()) {
    const std::string& path = state.path();
    if (needs.absent.contains(path) && state.type() != hv1::PathState::TYPE_ABSENT) {
      conflicts.push_back(fmt::format("{} is there already, and dmgr did not make it: move it away",
                                      state.blocked_by().empty() ? path : state.blocked_by()));
    }
    if (needs.movable.contains(path) && state.mount_point()) {
      conflicts.push_back(
          fmt::format("{} is a mount point, which cannot get another name: mount its file system "
                      "further up, so that it is a directory there",
                      path));
    }
  }
  return conflicts;
}

}  // namespace dmgr::clusters
