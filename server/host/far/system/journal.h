// The journal of a unit.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_JOURNAL_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_JOURNAL_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "server/host/far/base/context.h"

namespace dmgr::far {

// Its last lines; empty when it cannot be read. Throws CANCELLED.
std::string JournalTail(Context& context, const std::string& unit, std::uint32_t lines);

// What systemd and the unit's processes have said since a moment, which is microseconds since 1970
// by the host's clock: a line "program[pid]: message" for each message, the last max_bytes of them;
// empty when it cannot be read. Throws CANCELLED.
std::string JournalSince(Context& context, const std::string& unit, std::uint64_t since_us,
                         std::size_t max_bytes);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_JOURNAL_H_
