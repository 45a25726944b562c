// Table "api_request": the answers to calls that carried a request_id, so that a repeat gets the
// same one. Calls that make an operation are found by the operation instead.
#ifndef DMGR_SERVER_STORE_REQUEST_STORE_H_
#define DMGR_SERVER_STORE_REQUEST_STORE_H_

#include <google/protobuf/message.h>

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/database.h"

namespace dmgr::store {

// What a call that changes something does last in its transaction, with its answer: keeps the
// answer for a repeat, or, for a call that only validates, fails, so that nothing is changed.
using Finish =
    std::function<absl::Status(Transaction& tx, const google::protobuf::Message& response)>;

struct RequestRecord {
  // Tells a repeat from a different call with the same id.
  std::string fingerprint;
  // The serialised response.
  std::string response;
};

// request_id must be a UUID.
absl::StatusOr<std::optional<RequestRecord>> FindRequest(Transaction& tx, const std::string& user,
                                                         const std::string& request_id);
// Forgets those of more than a day ago. ALREADY_EXISTS with reason REQUEST_ID_USED when another
// call with the id was faster.
absl::Status InsertRequest(Transaction& tx, const std::string& user, const std::string& request_id,
                           const RequestRecord& record);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_REQUEST_STORE_H_
