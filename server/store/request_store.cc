#include "server/store/request_store.h"

#include "common/error.h"
#include "server/store/pg.h"

namespace dmgr::store {
namespace {

constexpr char kFind[] =
    "SELECT fingerprint, response FROM api_request WHERE user_name = $1 AND request_id = $2::uuid";
constexpr char kPrune[] =
    "DELETE FROM api_request WHERE create_time < clock_timestamp() - interval '1 day'";
constexpr char kInsert[] =
    "INSERT INTO api_request (user_name, request_id, fingerprint, response)"
    " VALUES ($1, $2::uuid, $3, $4::bytea) ON CONFLICT DO NOTHING";

}  // namespace

absl::StatusOr<std::optional<RequestRecord>> FindRequest(Transaction& tx, const std::string& user,
                                                         const std::string& request_id) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kFind, {user, request_id}));
  if (rows.empty()) return std::optional<RequestRecord>();
  return std::optional<RequestRecord>(
      RequestRecord{Text(rows[0]["fingerprint"]), Bytes(rows[0]["response"])});
}

absl::Status InsertRequest(Transaction& tx, const std::string& user, const std::string& request_id,
                           const RequestRecord& record) {
  RETURN_IF_ERROR(Run(tx, kPrune, {}).status());
  ASSIGN_OR_RETURN(
      const pqxx::result inserted,
      Run(tx, kInsert, {user, request_id, record.fingerprint, Param::Bytes(record.response)}));
  if (inserted.affected_rows() == 1) return absl::OkStatus();
  return Error(absl::StatusCode::kAlreadyExists, "REQUEST_ID_USED",
               "request id {} was used by a call at the same time", request_id)
      .With("request_id", request_id)
      .Remedy("send a new request id with a new call");
}

}  // namespace dmgr::store
