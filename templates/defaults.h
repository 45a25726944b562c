// The files that `dmgrctl package build` puts into a package when nothing better is there.
#ifndef DMGR_TEMPLATES_DEFAULTS_H_
#define DMGR_TEMPLATES_DEFAULTS_H_

#include <map>
#include <string>
#include <string_view>

#include "common/version.h"

namespace dmgr::templates {

// By path in a package (what is in grafana.tar.gz: below "grafana/"), as they fit a version of DM:
// an older one exits when its configuration has a key that it does not know.
std::map<std::string, std::string_view> DefaultFiles(const DmVersion& version);

}  // namespace dmgr::templates

#endif  // DMGR_TEMPLATES_DEFAULTS_H_
