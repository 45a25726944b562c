// What has become of the lines of a text.
#ifndef DMGR_CLIENT_OUTPUT_DIFF_H_
#define DMGR_CLIENT_OUTPUT_DIFF_H_

#include <string>

namespace dmgr::client {

// Lines that went with "- " in front, those that came with "+ ", and up to three that stayed on
// each side of them with "  "; "..." where more of them are left out. Empty when nothing differs.
std::string LineDiff(const std::string& before, const std::string& after);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_OUTPUT_DIFF_H_
