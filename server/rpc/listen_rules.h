// Where dmgrd may speak plain text.
#ifndef DMGR_SERVER_RPC_LISTEN_RULES_H_
#define DMGR_SERVER_RPC_LISTEN_RULES_H_

#include <string>

#include "absl/status/status.h"

namespace dmgr::rpc {

// Of what is served on "host:port" without TLS: INVALID_ARGUMENT, NOT_LOOPBACK where others could
// listen, PLAIN_TEXT_REFUSED unless allowed. what: "the API".
absl::Status CheckPlainText(const std::string& what, const std::string& listen, bool allowed);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_LISTEN_RULES_H_
