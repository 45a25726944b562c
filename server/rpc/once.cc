#include "server/rpc/once.h"

#include <optional>

#include "common/error.h"
#include "common/ids.h"
#include "server/auth/fingerprint.h"

namespace dmgr::rpc {
namespace {

// What takes the transaction back that was only to be validated. It leaves this file as OK.
constexpr char kOnlyValidated[] = "VALIDATE_ONLY";

absl::Status CheckId(const std::string& request_id) {
  if (IsUuid(request_id)) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "REQUEST_ID_INVALID", "request_id is not a UUID")
      .Field("request_id", "must be a UUID such as 123e4567-e89b-42d3-a456-426614174000")
      .Remedy("send a new random UUID with every new call, and the same with its repeats");
}

// The answer of an earlier call with the same id; false when there was none.
absl::StatusOr<bool> Recall(store::Database* database, const auth::SecretBox& secrets,
                            const std::string& user, const Repeatable& call,
                            google::protobuf::Message* response) {
  const std::string& request_id = call.request_id;
  std::optional<store::RequestRecord> record;
  RETURN_IF_ERROR(database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(record, store::FindRequest(tx, user, request_id));
    return absl::OkStatus();
  }));
  if (!record.has_value()) return false;
  if (!auth::IsFingerprintOf(secrets, call.request, record->fingerprint) ||
      !response->ParseFromString(record->response)) {
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED",
                 "request_id {} was used for a different call", request_id)
        .With("request_id", request_id)
        .Field("request_id", "take a new UUID for a new call");
  }
  return true;
}

}  // namespace

absl::Status RunOnce(store::Database* database, const auth::SecretBox& secrets,
                     const std::string& user, const Repeatable& call,
                     google::protobuf::Message* response, const Work& work) {
  // What changes nothing is no first call.
  const bool recalls = !call.request_id.empty() && !call.validate_only;
  if (!call.request_id.empty()) RETURN_IF_ERROR(CheckId(call.request_id));
  if (recalls) {
    ASSIGN_OR_RETURN(const bool repeated, Recall(database, secrets, user, call, response));
    if (repeated) return absl::OkStatus();
  }
  const absl::Status status =
      work([&](store::Transaction& tx, const google::protobuf::Message& answer) -> absl::Status {
        if (&answer != response) response->CopyFrom(answer);
        if (call.validate_only) {
          return Error(absl::StatusCode::kAborted, kOnlyValidated, "only validated");
        }
        if (!recalls) return absl::OkStatus();
        return store::InsertRequest(
            tx, user, call.request_id,
            {auth::FingerprintOf(secrets, call.request), answer.SerializeAsString()});
      });
  if (status.ok() || (call.validate_only && Reason(status) == kOnlyValidated)) {
    return absl::OkStatus();
  }
  if (!recalls) return status;
  // The same call at the same time may have come first.
  ASSIGN_OR_RETURN(const bool repeated, Recall(database, secrets, user, call, response));
  return repeated ? absl::OkStatus() : status;
}

}  // namespace dmgr::rpc
