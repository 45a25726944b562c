// dmgrd's log: text or one JSON object a line.
#ifndef DMGR_SERVER_LOGGING_H_
#define DMGR_SERVER_LOGGING_H_

#include "server/config.h"

namespace dmgr {

// Replaces spdlog's default logger by what [log] asks for. Throws spdlog_ex when the file cannot be
// opened.
void SetUpLogging(const Config& config);

}  // namespace dmgr

#endif  // DMGR_SERVER_LOGGING_H_
