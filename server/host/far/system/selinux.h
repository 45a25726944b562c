// Labels, where the host has SELinux.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_SELINUX_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_SELINUX_H_

#include <string>
#include <vector>

#include "server/host/far/base/context.h"

namespace dmgr::far {

// As the policy says for their paths.
void RestoreLabels(Context& context, const std::vector<std::string>& paths);
// systemd may start them, wherever they are.
void LabelPrograms(Context& context, const std::vector<std::string>& paths);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_SELINUX_H_
