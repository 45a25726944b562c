// The CA that is to vouch for a cluster's processes, given as files.
#ifndef DMGR_CLIENT_COMMANDS_AUTHORITY_H_
#define DMGR_CLIENT_COMMANDS_AUTHORITY_H_

#include <string>

#include "absl/status/status.h"
#include "client/commands/command.h"
#include "common/error.h"

namespace dmgr::client {

// Into the request's authority; an empty name gives nothing.
template <typename Request>
absl::Status ReadAuthority(const std::string& ca_file, const std::string& ca_key_file,
                           Request* request) {
  if (!ca_file.empty()) {
    ASSIGN_OR_RETURN(*request->mutable_authority()->mutable_ca_certificate(), ReadInput(ca_file));
  }
  if (!ca_key_file.empty()) {
    ASSIGN_OR_RETURN(*request->mutable_authority()->mutable_ca_key(), ReadInput(ca_key_file));
  }
  return absl::OkStatus();
}

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_COMMANDS_AUTHORITY_H_
