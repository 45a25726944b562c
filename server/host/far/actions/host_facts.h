// What several actions tell of the host.
#ifndef DMGR_SERVER_HOST_FAR_ACTIONS_HOST_FACTS_H_
#define DMGR_SERVER_HOST_FAR_ACTIONS_HOST_FACTS_H_

#include <cstdint>
#include <string>

#include "server/host/far/base/context.h"
#include "server/host/far/base/paths.h"

namespace dmgr::far {

// Whom a far end without root works as, and what of systemd is that user's.
hv1::UserInstance UserInstanceOf(Context& context);

// A file whose parents only root can change; its content without spaces at its end, empty when it
// is not there.
std::string ReadRootFile(const Tree& tree, const std::string& path);
std::string MachineId(const Tree& tree);
// Of the file system of an open directory, for others than root.
std::uint64_t FreeBytes(int dir, const std::string& path);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_ACTIONS_HOST_FACTS_H_
