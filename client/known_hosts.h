// OpenSSH's known_hosts files.
#ifndef DMGR_CLIENT_KNOWN_HOSTS_H_
#define DMGR_CLIENT_KNOWN_HOSTS_H_

#include <string>
#include <string_view>
#include <vector>

namespace dmgr::client {

// Keys of one host, each as "ssh-ed25519 AAAA...".
struct KnownKeys {
  std::vector<std::string> keys;
  // Never to be trusted, for whatever host.
  std::vector<std::string> revoked;
};

// What a file's text says of a host, a name or an address, at a port. Its names may be hashed, and
// patterns with * ? and !. Keys of authorities that sign host keys are passed over, as is what
// cannot be read.
KnownKeys FindKnownKeys(std::string_view text, const std::string& host, unsigned port);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_KNOWN_HOSTS_H_
