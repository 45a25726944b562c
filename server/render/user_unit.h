// Units of a user's own systemd. Private to this room.
#ifndef DMGR_SERVER_RENDER_USER_UNIT_H_
#define DMGR_SERVER_RENDER_USER_UNIT_H_

#include <string>

namespace dmgr::render {

// A unit of the system, as a package's template has it, for the systemd of its user: without what
// only root's can do, and which it would fail with or not do; started with the user's other units.
std::string ForUserInstance(const std::string& unit);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_USER_UNIT_H_
