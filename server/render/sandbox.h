// What a unit's process sees of the host. Private to this room.
#ifndef DMGR_SERVER_RENDER_SANDBOX_H_
#define DMGR_SERVER_RENDER_SANDBOX_H_

#include "server/render/template.h"
#include "server/topology/topology.h"

namespace dmgr::render {

// Adds what its component may do, and what keeps an instance's own directories within its reach
// where ProtectSystem= and PrivateTmp= would take them away.
void AddSandbox(const topology::Instance& instance, Values* values);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_SANDBOX_H_
