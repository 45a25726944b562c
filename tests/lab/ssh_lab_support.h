#ifndef DMGR_TESTS_LAB_SSH_LAB_SUPPORT_H_
#define DMGR_TESTS_LAB_SSH_LAB_SUPPORT_H_

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/time/clock.h"
#include "server/ssh/session.h"
#include "tests/support/lab.h"

namespace dmgr::testing {

inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content(std::filesystem::file_size(path), '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  return content;
}

/// "type base64" of a line of known_hosts.
inline std::string PinOf(const std::string& known_hosts_line) {
  std::istringstream words(known_hosts_line);
  std::string host, type, key;
  words >> host >> type >> key;
  return type + " " + key;
}

/// Root by key.
inline ssh::Endpoint Root(const Lab& lab, const std::string& host = "h1") {
  ssh::Endpoint endpoint{.host = lab.Address(host), .user = "root"};
  endpoint.private_key = ReadFile(lab.Key());
  endpoint.pinned_host_key = PinOf(lab.HostKey(host));
  return endpoint;
}

inline absl::Time In(double seconds) { return absl::Now() + absl::Seconds(seconds); }

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_SSH_LAB_SUPPORT_H_
