// What of a package's files an instance gets. Private to this room.
#ifndef DMGR_SERVER_RENDER_FROM_PACKAGE_H_
#define DMGR_SERVER_RENDER_FROM_PACKAGE_H_

#include <map>
#include <string>
#include <string_view>

#include "server/render/render.h"

namespace dmgr::render {

// Whether a file of the package is about a component that the cluster has not.
bool IsOfAbsent(const topology::Cluster& cluster, std::string_view path);
// What Prometheus evaluates, by file name: the topology's rules, else the package's.
std::map<std::string, std::string> RuleFiles(const RenderInput& input);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_FROM_PACKAGE_H_
