// TLS between the programs of a cluster: what a connection says goes through a thread that seals
// it, so that whoever uses the connection need not know.
#pragma once

#include <string>
#include <vector>

#include "net.h"

namespace dmsim {

struct TlsFiles {
  std::string ca;
  std::string certificate;
  std::string key;
  std::vector<std::string> allowed_names;  // of the other side; empty: all that the CA vouches for
};

// From here on every connection of this process is TLS, with both sides' certificates. Once, before
// the first one. Empty, or why the files cannot be used.
std::string UseTls(const TlsFiles& files);
bool HasTls();

// The plain end of a connection that begins on `fd`, which stays the caller's; an invalid socket
// and *error when the other side has no TLS, or shows what is not trusted. host: whom the
// certificate of the other side is for; empty: of whoever connects.
Socket BeginTls(int fd, const std::string& host, Clock::time_point deadline, std::string* error);

}  // namespace dmsim
