// dmgrd's log: text or one JSON object a line. Whatever a message holds, it is one line: others'
// text can forge none, act on no terminal, and fill no disk by one message.
#ifndef DMGR_SERVER_LOGGING_H_
#define DMGR_SERVER_LOGGING_H_

#include "absl/status/status.h"
#include "server/config.h"

namespace dmgr {

// Replaces spdlog's default logger by what [log] asks for. The file, of mode 0640, is made when
// there is none. Errors: those of common/files.h.
absl::Status SetUpLogging(const Config& config);

// Level and format as they are said there from now on, in the place where the log is. Thread-safe.
void ChangeLog(const Config& config);

// Goes on in the file that has the log's name now: another program has renamed the old one. When it
// cannot be opened the log stays where it is, and says so. Thread-safe.
void ReopenLog();

}  // namespace dmgr

#endif  // DMGR_SERVER_LOGGING_H_
