// What DM says when it refuses: texts of the form
//   [code=46007:class=scheduler:scope=internal:level=medium], Message: ..., RawCause: ...,
//   Workaround: ...
// of which any part may be missing. Pure; nothing in a text may throw, and nothing of it is kept
// beyond the limits here. All functions may be called by any thread.
#ifndef DMGR_SERVER_DM_DM_ERROR_H_
#define DMGR_SERVER_DM_DM_ERROR_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace dmgr::dm {

// One line each, without control characters and passwords, cut at some thousand bytes.
struct DmError {
  // 0 when DM gave none.
  int code = 0;
  std::string error_class;
  std::string scope;
  std::string level;
  // The whole text where it has no parts.
  std::string message;
  std::string raw_cause;
  std::string workaround;
};

// An error that is about one source of a call; worker may be empty.
struct SourceError {
  std::string source;
  std::string worker;
  DmError error;
};

DmError ParseDmError(std::string_view text);

// Message, cause and code in a line, as people read it.
std::string WordsOf(const DmError& error);

// The status of a refusal. `what` names the call and its thing, such as `create source s1`. Its
// reason says what the refusal means (DM_SOURCE_EXISTS, DM_TASK_MISSING, ...; DM_REFUSED when
// nothing is known of it). Metadata: dm_code, dm_class, dm_message, dm_cause, dm_workaround, each
// unless empty; the workaround is the remedy where dmgr knows no better one.
absl::Status StatusOfDm(std::string_view what, const DmError& error);

// The same for sources, at least one: reason and metadata of the first one, "sources" in the
// metadata names all of them, and the message says of the first ones what DM said of each.
absl::Status StatusOfDm(std::string_view what, const std::vector<SourceError>& errors);

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_DM_ERROR_H_
