// Operations that would keep dmgrd from its work: they end, and wait for a person.
#include "server/store/operation_rows.h"

namespace dmgr::store {
namespace {

constexpr char kLost[] =
    "SELECT operation_id, lost_claims FROM operation WHERE " DMGR_UNCLAIMED
    "AND lost_claims >= $1::integer ORDER BY create_time FOR NO KEY UPDATE SKIP LOCKED";
constexpr char kTakeAll[] =
    "UPDATE operation SET lease_owner = NULL, lease_until = NULL WHERE " DMGR_ACTIVE
    "RETURNING operation_id";
// Reads nothing of its steps: they may be what cannot be read.
constexpr char kPark[] =
    "WITH op AS (UPDATE operation SET state = 'FAILED', error = $2::bytea, lost_claims = 0,"
    "  lease_owner = NULL, lease_until = NULL, end_time = clock_timestamp(),"
    "  last_sequence = last_sequence + 1 WHERE operation_id = $1::uuid AND " DMGR_UNCLAIMED
    "  RETURNING last_sequence)"
    " INSERT INTO operation_event (operation_id, sequence, kind, state, error)"
    " SELECT $1::uuid, last_sequence, 'OPERATION_STATE', 'FAILED', $2::bytea FROM op";

Error Crashed(const std::string& operation_id, int times) {
  Error error(absl::StatusCode::kInternal, "CRASHED_DMGRD",
              "dmgrd ended {} times while it executed operation {}, and none of its steps came to "
              "an end: it is not begun again by itself",
              times, operation_id);
  error.With("operation_id", operation_id)
      .Remedy(
          "see the log of dmgrd for what ended it, and report that; if it was something else, such "
          "as a machine that was switched off, go on")
      .Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", operation_id}})
      .Next(v1::ACTION_ROLLBACK_OPERATION, {{"operation_id", operation_id}})
      .Next(v1::ACTION_ABANDON_OPERATION, {{"operation_id", operation_id}});
  return error;
}

Error Unreadable(const std::string& operation_id, const absl::Status& why) {
  Error error(absl::StatusCode::kDataLoss, "OPERATION_UNREADABLE",
              "operation {} cannot be read from the database, so it is not executed: {}",
              operation_id, Message(why));
  error.With("operation_id", operation_id)
      .Remedy(
          "repair or restore the database and go on with it, or let go of the cluster and see what "
          "is there")
      .Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", operation_id}})
      .Next(v1::ACTION_ABANDON_OPERATION, {{"operation_id", operation_id}});
  return error;
}

Error UnderWayThen(const std::string& operation_id) {
  Error error(absl::StatusCode::kAborted, "RESTORED",
              "operation {} was under way when the backup was made that this database was restored "
              "from; what became of it is not recorded",
              operation_id);
  error.With("operation_id", operation_id)
      .Remedy(
          "compare the hosts with the record (VerifyCluster), then go on with it, undo it, or let "
          "go of the cluster and repair it")
      .Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", operation_id}})
      .Next(v1::ACTION_ROLLBACK_OPERATION, {{"operation_id", operation_id}})
      .Next(v1::ACTION_ABANDON_OPERATION, {{"operation_id", operation_id}});
  return error;
}

// False: somebody has it.
absl::StatusOr<bool> Park(Transaction& tx, const std::string& operation_id,
                          const absl::Status& error) {
  ASSIGN_OR_RETURN(const pqxx::result rows,
                   Run(tx, kPark, {operation_id, Param::ErrorBytes(error)}));
  if (rows.affected_rows() == 0) return false;
  RETURN_IF_ERROR(NotifyState(tx, operation_id));
  return true;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParkCrashing(Transaction& tx, int times) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kLost, {times}));
  std::vector<std::string> ids;
  for (const auto& row : rows) {
    ids.push_back(Text(row["operation_id"]));
    // Before it is FAILED: whoever watches it reads no event after that.
    RETURN_IF_ERROR(ResetSteps(tx, ids.back(), "{RUNNING}"));
    RETURN_IF_ERROR(
        Park(tx, ids.back(), Crashed(ids.back(), row["lost_claims"].as<int>())).status());
  }
  return ids;
}

absl::StatusOr<int> ParkRestored(Transaction& tx) {
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kTakeAll, {}));
  for (const auto& row : rows) {
    const std::string id = Text(row["operation_id"]);
    RETURN_IF_ERROR(ResetSteps(tx, id, "{RUNNING}"));
    RETURN_IF_ERROR(Park(tx, id, UnderWayThen(id)).status());
  }
  return static_cast<int>(rows.size());
}

absl::StatusOr<bool> ParkUnreadable(Transaction& tx, const std::string& operation_id,
                                    const absl::Status& why) {
  return Park(tx, operation_id, Unreadable(operation_id, why));
}

}  // namespace dmgr::store
