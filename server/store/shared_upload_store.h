// Table "shared_upload": files that several dmgrd share, on their way in and out.
#ifndef DMGR_SERVER_STORE_SHARED_UPLOAD_STORE_H_
#define DMGR_SERVER_STORE_SHARED_UPLOAD_STORE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/database.h"

namespace dmgr::store {

// One dmgrd's upload of a file.
struct SharedUpload {
  std::string sha256;
  // Empty: the file's row was deleted.
  std::string owner;
};

// Until the transaction ends nobody begins, ends or cleans up an upload. Before a row of a file is
// deleted: whoever looks whether the file is needed sees all of that, or none.
absl::Status LockSharedFiles(Transaction& tx);

// From now on nobody removes the file. ABORTED, UPLOAD_IN_PROGRESS, while somebody does.
absl::Status BeginSharedUpload(Transaction& tx, const SharedUpload& upload, absl::Duration lease);
// ABORTED, UPLOAD_LEASE_LOST, when another dmgrd has taken this one for dead.
absl::Status RenewSharedUpload(Transaction& tx, const SharedUpload& upload, absl::Duration lease);
// In the transaction that inserts the row of the file. Errors as of RenewSharedUpload.
absl::Status EndSharedUpload(Transaction& tx, const SharedUpload& upload);
// It will not go on: whoever comes by cleans up.
absl::Status GiveUpSharedUpload(Transaction& tx, const SharedUpload& upload);

struct OverdueUpload {
  SharedUpload upload;
  // A row, or another upload, needs the file: only what this one left is removed.
  bool is_needed = false;
  // Of whoever has taken it.
  std::int64_t lease_us = 0;
};
// One that has ended without its file's row, whose lease was not renewed, or whose file has no row
// any more. Until the lease ends nobody else takes it, and none is begun of a file that is removed.
absl::StatusOr<std::optional<OverdueUpload>> TakeOverdueUpload(Transaction& tx,
                                                               absl::Duration lease);
// It could not be cleaned up: whoever comes by after so long tries again.
absl::Status PostponeSharedUpload(Transaction& tx, const OverdueUpload& overdue,
                                  absl::Duration lease);
// It is cleaned up. One whose file is not needed any more becomes overdue again; one that somebody
// else has taken since stays.
absl::Status ForgetSharedUpload(Transaction& tx, const OverdueUpload& overdue);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_SHARED_UPLOAD_STORE_H_
