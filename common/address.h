// Addresses as people write them.
#ifndef DMGR_COMMON_ADDRESS_H_
#define DMGR_COMMON_ADDRESS_H_

#include <string>
#include <string_view>

namespace dmgr {

// "host:port", with brackets around an IPv6 address.
std::string JoinHostPort(std::string_view host, int port);

}  // namespace dmgr

#endif  // DMGR_COMMON_ADDRESS_H_
