// What the exit status of a unit's main process says.
#ifndef DMGR_SERVER_DIAGNOSIS_EXIT_STATUS_H_
#define DMGR_SERVER_DIAGNOSIS_EXIT_STATUS_H_

#include <string_view>

namespace dmgr::diagnosis {

// In words, for those that the shell and systemd give; empty for all others, whose meaning is the
// program's.
std::string_view MeaningOfExit(int status);

}  // namespace dmgr::diagnosis

#endif  // DMGR_SERVER_DIAGNOSIS_EXIT_STATUS_H_
