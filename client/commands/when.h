// Points and spans of time as people type them.
#ifndef DMGR_CLIENT_COMMANDS_WHEN_H_
#define DMGR_CLIENT_COMMANDS_WHEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace dmgr::v1 {
class TimeRange;
}

namespace dmgr::client {

// "90s", "10m", "2h30m", "7d". INVALID_ARGUMENT for anything else, and for what is not positive.
absl::StatusOr<absl::Duration> ParseSpan(const std::string& text);

// "2026-11-22T21:30:05Z", "2026-11-22 21:30:05", "2026-11-22 21:30", "2026-11-22" (without a zone
// in local time), or a span as of ParseSpan: so long ago. INVALID_ARGUMENT for anything else.
absl::StatusOr<absl::Time> ParseWhen(const std::string& text, absl::Time now);

// What --since and --until limit; an empty text does not.
absl::Status ParseRange(const std::string& since, const std::string& until, v1::TimeRange* range);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_WHEN_H_
