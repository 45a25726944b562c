// Addresses as people write them.
#ifndef DMGR_COMMON_ADDRESS_H_
#define DMGR_COMMON_ADDRESS_H_

#include <optional>
#include <string>
#include <string_view>

namespace dmgr {

struct HostPort {
  // A name or an address; IPv6 without brackets.
  std::string host;
  int port = 0;
};

// "host:port", with brackets around an IPv6 address.
std::string JoinHostPort(std::string_view host, int port);

// Of "name:port", "1.2.3.4:port" or "[2001:db8::1]:port"; nullopt for anything else. The port is 0
// (which means a free one to who listens) to 65535. A name is not looked up, only free of what no
// name has: blanks, control characters, and : / @ [ ].
std::optional<HostPort> ParseHostPort(std::string_view text);

// An address and no name; IPv6 without brackets and zone.
bool IsIpAddress(std::string_view host);

// Whether what is sent to a host never leaves this machine: an address of 127.0.0.0/8, ::1, one of
// the former written as IPv6 (::ffff:127.0.0.1), or the name "localhost", which no resolver may
// give another meaning (RFC 6761). Any other name is not, whatever it begins with or resolves to.
// Brackets around IPv6 are no part of a host.
bool IsLoopback(std::string_view host);

}  // namespace dmgr

#endif  // DMGR_COMMON_ADDRESS_H_
