// Errors that must fit a place.
#ifndef DMGR_COMMON_SHORT_STATUS_H_
#define DMGR_COMMON_SHORT_STATUS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace dmgr {

// "what: finding", or with several "what:" and a line for each.
std::string Findings(std::string_view what, const std::vector<std::string>& findings);

// The first lines of a text that have room in so many bytes, then "and 12 more lines"; a first line
// that is too long itself is cut between two characters. Bytes that are no printable ASCII count
// three, which is what they take in an HTTP/2 header.
std::string FirstLines(std::string_view text, std::size_t max_bytes);

// The same error with its message in `max_message` bytes, counted as FirstLines does, and its
// payloads in `max_payloads`: the reason and the remedy stay in any case, of lists the first
// entries and a last one that says how many are left out, and of values those that are short.
// What fits is left as it is.
absl::Status ShortStatus(const absl::Status& status, std::size_t max_message,
                         std::size_t max_payloads);

}  // namespace dmgr

#endif  // DMGR_COMMON_SHORT_STATUS_H_
