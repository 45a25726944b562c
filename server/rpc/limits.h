// How much the API's callers may take.
#ifndef DMGR_SERVER_RPC_LIMITS_H_
#define DMGR_SERVER_RPC_LIMITS_H_

#include "absl/time/time.h"
#include "server/accounts/hashing.h"

namespace dmgr::rpc {

// The defaults are those of dmgrd.toml, [limits], which documents each.
struct Limits {
  // Of the whole server.
  int memory_mib = 512;
  int threads = 128;
  // Of a connection.
  int streams_per_connection = 256;
  int metadata_kib = 8;
  absl::Duration handshake = absl::Seconds(10);
  absl::Duration keepalive = absl::Seconds(20);
  absl::Duration idle = absl::Minutes(10);
  // Of a message.
  int message_kib = 2048;
  // Of a caller, at once.
  int calls_per_user = 32;
  int streams_per_user = 512;
  int uploads_per_user = 4;
  // Of an address, calls whose caller is not known yet.
  int unknown_per_address = 64;
  // What an upload must bring while it is waited for.
  int upload_kib = 64;
  absl::Duration upload_period = absl::Seconds(30);
  accounts::HashingLimits hashing{};
  // Refusals of callers without a name are counted for so long.
  absl::Duration refusals_period = absl::Minutes(1);
};

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_LIMITS_H_
