#include "server/rpc/listen_rules.h"

#include "common/address.h"
#include "common/error.h"

namespace dmgr::rpc {

absl::Status CheckPlainText(const std::string& what, const std::string& listen, bool allowed) {
  const auto address = ParseHostPort(listen);
  if (!address.has_value() || !IsLoopback(address->host)) {
    return Error(absl::StatusCode::kInvalidArgument, "NOT_LOOPBACK",
                 "{} is not a loopback address, and without TLS {} speaks plain text", listen, what)
        .Remedy(
            "set [server] tls_cert and tls_key, or listen on 127.0.0.1 and reach it through an SSH "
            "tunnel");
  }
  // Whoever is first on a port of loopback, also as another user of the machine, would get
  // passwords.
  if (allowed) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "PLAIN_TEXT_REFUSED",
               "without TLS {} would speak plain text, which release mode does not", listen)
      .Remedy(
          "set [server] tls_cert and tls_key, or listen = \"\" and socket; mode = \"debug\" "
          "speaks "
          "plain text on loopback");
}

}  // namespace dmgr::rpc
