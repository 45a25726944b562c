// Table "cluster_copy": what dm-masters keep, as it was at several times.
#ifndef DMGR_SERVER_STORE_COPY_STORE_H_
#define DMGR_SERVER_STORE_COPY_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/database.h"

namespace dmgr::store {

struct CopyRecord {
  // Read only.
  std::int64_t copy_id = 0;
  std::string cluster_uuid{};
  // Equal when what was copied is.
  std::string content_hash{};
  // Of the etcd that it is from.
  std::string etcd_cluster_id{};
  int source_count = 0;
  // A task has one for each of its sources.
  int subtask_count = 0;
  // Lists leave it empty; else it is empty when it was given up with its key.
  std::string sealed_copy{};
  // When the dm-masters were asked for it, by ReadClock: what they were told later it may lack.
  absl::Time take_time = absl::InfinitePast();
  // Read only: when they were last asked, and had the same.
  absl::Time confirm_time = absl::InfinitePast();
};

// Names of clusters that are up and at which nobody has looked for `period`, or since an operation
// of theirs ended; now the caller does.
absl::StatusOr<std::vector<std::string>> ClaimCopyLooks(Transaction& tx, absl::Duration period);

// PostgreSQL's, which is one for all replicas.
absl::StatusOr<absl::Time> ReadClock(Transaction& tx);

// Keeps a copy; one that equals the newest is only confirmed. Of the older ones some are kept by
// age: the last of each hour for a day and of each day for 30 days, beside the ten newest. None
// goes while an operation holds the cluster, or when there is just one that is not empty. Returns
// the number of the one that has what the copy has.
absl::StatusOr<std::int64_t> KeepCopy(Transaction& tx, const CopyRecord& copy);

// The number of a copy that is about to be inserted.
absl::StatusOr<std::int64_t> ReserveCopy(Transaction& tx);
// Keeps one with a number of ReserveCopy that did not come from the dm-masters.
absl::Status InsertCopy(Transaction& tx, const CopyRecord& copy);
// Nothing when there is none.
absl::Status DropCopy(Transaction& tx, const std::string& cluster_uuid, std::int64_t copy_id);

// Newest first.
absl::StatusOr<std::vector<CopyRecord>> ListCopies(Transaction& tx,
                                                   const std::string& cluster_uuid);
// NOT_FOUND, COPY_NOT_FOUND.
absl::StatusOr<CopyRecord> GetCopy(Transaction& tx, const std::string& cluster_uuid,
                                   std::int64_t copy_id);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_COPY_STORE_H_
