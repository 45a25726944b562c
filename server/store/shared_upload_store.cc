#include "server/store/shared_upload_store.h"

#include "server/store/pg.h"

namespace dmgr::store {
namespace {

// Whoever begins an upload and whoever removes a file go one after another.
constexpr char kLock[] = "SELECT pg_advisory_xact_lock(7236830544)";
#define DMGR_LEASE(micros) "clock_timestamp() + " micros "::bigint * interval '1 microsecond'"
#define DMGR_THIS_UPLOAD " WHERE sha256 = $1 AND owner = $2 "
constexpr char kIsRemoved[] = "SELECT FROM shared_upload WHERE sha256 = $1 AND removing LIMIT 1";
constexpr char kBegin[] =
    "INSERT INTO shared_upload (sha256, owner, lease_until)"
    " VALUES ($1, $2, " DMGR_LEASE("$3") ")"
    " ON CONFLICT (sha256, owner) DO UPDATE SET lease_until = excluded.lease_until";
constexpr char kRenew[] =
    "UPDATE shared_upload SET lease_until = " DMGR_LEASE("$3") DMGR_THIS_UPLOAD "AND NOT removing";
constexpr char kEnd[] = "DELETE FROM shared_upload" DMGR_THIS_UPLOAD "AND NOT removing";
constexpr char kGiveUp[] =
    "UPDATE shared_upload SET lease_until = clock_timestamp()" DMGR_THIS_UPLOAD "AND NOT removing";
#define DMGR_NEEDED                                                                          \
  " EXISTS (SELECT FROM warehouse w WHERE w.sha256 = u.sha256)"                              \
  " OR EXISTS (SELECT FROM patch p WHERE p.sha256 = u.sha256)"                               \
  " OR EXISTS (SELECT FROM shared_upload o WHERE o.sha256 = u.sha256 AND o.owner <> u.owner" \
  "  AND (o.removing OR o.lease_until >= clock_timestamp())) AS needed FROM shared_upload u"
constexpr char kOverdue[] =
    "SELECT sha256, owner," DMGR_NEEDED
    " WHERE lease_until < clock_timestamp() ORDER BY lease_until, sha256, owner LIMIT 1";
constexpr char kIsNeeded[] = "SELECT" DMGR_NEEDED DMGR_THIS_UPLOAD;
constexpr char kTake[] = "UPDATE shared_upload SET lease_until = " DMGR_LEASE(
    "$3") ", removing = $4::boolean" DMGR_THIS_UPLOAD
          "RETURNING " DMGR_MICROS("lease_until") " AS lease_us";
// Nobody has taken or renewed it since.
#define DMGR_AS_TAKEN DMGR_THIS_UPLOAD "AND " DMGR_MICROS("lease_until") " = $3::bigint"
constexpr char kLookAgain[] =
    "UPDATE shared_upload SET lease_until = clock_timestamp()" DMGR_AS_TAKEN;
constexpr char kPostpone[] =
    "UPDATE shared_upload SET lease_until = " DMGR_LEASE("$4") DMGR_AS_TAKEN;
constexpr char kForget[] = "DELETE FROM shared_upload" DMGR_AS_TAKEN;

absl::Status LostUnless(const absl::StatusOr<pqxx::result>& rows, const SharedUpload& upload) {
  RETURN_IF_ERROR(rows.status());
  if (rows->affected_rows() == 1) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "UPLOAD_LEASE_LOST",
               "another dmgrd has taken this one for dead, and cleans up its upload of {}",
               upload.sha256)
      .With("sha256", upload.sha256)
      .Remedy("upload it again");
}

}  // namespace

absl::Status LockSharedFiles(Transaction& tx) { return Run(tx, kLock, {}).status(); }

absl::Status BeginSharedUpload(Transaction& tx, const SharedUpload& upload, absl::Duration lease) {
  RETURN_IF_ERROR(LockSharedFiles(tx));
  ASSIGN_OR_RETURN(const pqxx::result removed, Run(tx, kIsRemoved, {upload.sha256}));
  if (!removed.empty()) {
    return Error(absl::StatusCode::kAborted, "UPLOAD_IN_PROGRESS",
                 "{} is being removed from the shared warehouse", upload.sha256)
        .With("sha256", upload.sha256)
        .Remedy(
            "upload it again in a minute; while it stays so, the log of a dmgrd says why it cannot "
            "be removed");
  }
  return Run(tx, kBegin, {upload.sha256, upload.owner, absl::ToInt64Microseconds(lease)}).status();
}

absl::Status RenewSharedUpload(Transaction& tx, const SharedUpload& upload, absl::Duration lease) {
  return LostUnless(
      Run(tx, kRenew, {upload.sha256, upload.owner, absl::ToInt64Microseconds(lease)}), upload);
}

absl::Status EndSharedUpload(Transaction& tx, const SharedUpload& upload) {
  // Before the file's row is there for whoever looks whether it is needed.
  RETURN_IF_ERROR(LockSharedFiles(tx));
  return LostUnless(Run(tx, kEnd, {upload.sha256, upload.owner}), upload);
}

absl::Status GiveUpSharedUpload(Transaction& tx, const SharedUpload& upload) {
  return Run(tx, kGiveUp, {upload.sha256, upload.owner}).status();
}

absl::StatusOr<std::optional<OverdueUpload>> TakeOverdueUpload(Transaction& tx,
                                                               absl::Duration lease) {
  RETURN_IF_ERROR(LockSharedFiles(tx));
  ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kOverdue, {}));
  if (rows.empty()) return std::optional<OverdueUpload>();
  OverdueUpload overdue;
  overdue.upload = {.sha256 = Text(rows[0]["sha256"]), .owner = Text(rows[0]["owner"])};
  overdue.is_needed = rows[0]["needed"].as<bool>();
  ASSIGN_OR_RETURN(const pqxx::result taken,
                   Run(tx, kTake,
                       {overdue.upload.sha256, overdue.upload.owner,
                        absl::ToInt64Microseconds(lease), !overdue.is_needed}));
  overdue.lease_us = taken.at(0)["lease_us"].as<std::int64_t>();
  return std::optional<OverdueUpload>(std::move(overdue));
}

absl::Status PostponeSharedUpload(Transaction& tx, const OverdueUpload& overdue,
                                  absl::Duration lease) {
  return Run(tx, kPostpone,
             {overdue.upload.sha256, overdue.upload.owner, overdue.lease_us,
              absl::ToInt64Microseconds(lease)})
      .status();
}

absl::Status ForgetSharedUpload(Transaction& tx, const OverdueUpload& overdue) {
  const auto& [sha256, owner] = overdue.upload;
  RETURN_IF_ERROR(LockSharedFiles(tx));
  if (overdue.is_needed) {
    ASSIGN_OR_RETURN(const pqxx::result rows, Run(tx, kIsNeeded, {sha256, owner}));
    if (!rows.empty() && !rows[0]["needed"].as<bool>()) {
      return Run(tx, kLookAgain, {sha256, owner, overdue.lease_us}).status();
    }
  }
  return Run(tx, kForget, {sha256, owner, overdue.lease_us}).status();
}

}  // namespace dmgr::store
