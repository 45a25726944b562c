// Run scripts for programs that lie where TiUP has them. Pure.
#ifndef DMGR_SERVER_RENDER_TIUP_SHAPE_H_
#define DMGR_SERVER_RENDER_TIUP_SHAPE_H_

#include <string>
#include <string_view>

namespace dmgr::render {

// The text of a template with "bin/{folder}/{program}" in the place of every "bin/{program}" that
// stands alone.
std::string InTiupShape(std::string_view text, std::string_view program, std::string_view folder);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_TIUP_SHAPE_H_
