// The times in lines of logs.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_LOG_TIME_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_LOG_TIME_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace dmgr::far {

// Milliseconds of Unix time of the first "2026-11-22T21:30:05.123+01:00" near the beginning of a
// line; also with slashes or a blank in between, as DM and others write it. Without a zone: UTC.
std::optional<std::int64_t> LogTime(std::string_view line);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_LOG_TIME_H_
