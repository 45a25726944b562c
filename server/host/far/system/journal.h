// The journal of a unit.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_JOURNAL_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_JOURNAL_H_

#include <cstdint>
#include <string>

#include "server/host/far/base/context.h"

namespace dmgr::far {

// Its last lines; empty when it cannot be read. Throws CANCELLED.
std::string JournalTail(Context& context, const std::string& unit, std::uint32_t lines);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_JOURNAL_H_
