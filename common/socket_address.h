// Addresses of unix sockets, as people write them.
#ifndef DMGR_COMMON_SOCKET_ADDRESS_H_
#define DMGR_COMMON_SOCKET_ADDRESS_H_

#include <string_view>

namespace dmgr {

// "unix:/PATH": a socket of this machine, by its absolute path.
inline bool IsSocketAddress(std::string_view address) { return address.starts_with("unix:/"); }

}  // namespace dmgr

#endif  // DMGR_COMMON_SOCKET_ADDRESS_H_
