// Calls that change something by one transaction of dmgrd, and make no operation: a repeat with the
// same request_id gets the first answer again, and validate_only changes nothing.
#ifndef DMGR_SERVER_RPC_ONCE_H_
#define DMGR_SERVER_RPC_ONCE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "server/auth/secret_box.h"
#include "server/store/request_store.h"

namespace dmgr::rpc {

// Does the work of a call, which must end its transaction with finish, and hand its status on. What
// follows the transaction must not happen when the status is not OK.
using Work = std::function<absl::Status(const store::Finish& finish)>;

// The fields of a request that all those calls have.
struct Repeatable {
  const google::protobuf::Message& request;
  const std::string& request_id;
  bool validate_only;
};

// INVALID_ARGUMENT when request_id is no UUID (REQUEST_ID_INVALID), or was used for a different
// call (REQUEST_ID_REUSED). The response is what work gave to finish.
absl::Status RunOnce(store::Database* database, const auth::SecretBox& secrets,
                     const std::string& user, const Repeatable& call,
                     google::protobuf::Message* response, const Work& work);

}  // namespace dmgr::rpc

#endif  // DMGR_SERVER_RPC_ONCE_H_
