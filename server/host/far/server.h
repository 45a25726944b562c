// The conversation with dmgrd.
#ifndef DMGR_SERVER_HOST_FAR_SERVER_H_
#define DMGR_SERVER_HOST_FAR_SERVER_H_

#include <string>

namespace dmgr::far {

// Serves requests from stdin on stdout until stdin ends; never returns. Exit status 0: the end, or
// 30 s of silence; 3: dmgrd sent what is no message (a line on stderr says what).
// root_dir takes the place of / for tests; empty on hosts. home: that of the login, for a far end
// without root; else empty.
[[noreturn]] void Serve(const std::string& root_dir, const std::string& home);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SERVER_H_
