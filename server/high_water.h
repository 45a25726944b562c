// Notices a database that was restored from a backup.
#ifndef DMGR_SERVER_HIGH_WATER_H_
#define DMGR_SERVER_HIGH_WATER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/store/database.h"

namespace dmgr {

// The highest epoch that the database has had, in a file outside of it. For one thread.
class HighWater {
 public:
  HighWater(store::Database* database, std::string file);

  // FAILED_PRECONDITION with reason DATABASE_OLDER when the database was further once.
  absl::Status Check();
  // Writes down how far it is, at most every half minute. To be called every second.
  void LookAfter();

 private:
  absl::StatusOr<std::int64_t> Read() const;

  store::Database* const database_;
  const std::string file_;
  // What the database said at the last look, and what the file says.
  std::int64_t seen_ = 0;
  std::int64_t written_ = 0;
  absl::Time next_ = absl::InfinitePast();
};

}  // namespace dmgr

#endif  // DMGR_SERVER_HIGH_WATER_H_
