// Reading what DM's processes answer. Pure; private to this room. Nothing in an answer may throw.
#ifndef DMGR_SERVER_DM_ANSWERS_H_
#define DMGR_SERVER_DM_ANSWERS_H_

#include <string>

#include "server/dm/client.h"

namespace dmgr::dm {

// The member list. UNAVAILABLE when the master says that it has none, or what it says is no member
// list.
absl::StatusOr<Members> ReadMembers(const HttpReply& reply);

// The answer to a change: result and msg, or an error of the gateway. Statuses as of
// Client::DeleteMaster; OK too for a member that does not exist.
absl::Status ReadResult(const HttpReply& reply);

// The answer of the OpenAPI to a change. Never repeats what it says of a source: passwords.
absl::Status ReadOpenApi(const HttpReply& reply);

// Of the page /status.
absl::StatusOr<std::string> ReadReleaseVersion(const HttpReply& reply);
// Of the page /metrics.
absl::StatusOr<absl::Time> ReadStartTime(const HttpReply& reply);

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_ANSWERS_H_
