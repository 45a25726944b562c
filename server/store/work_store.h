// What is under way, in numbers.
#ifndef DMGR_SERVER_STORE_WORK_STORE_H_
#define DMGR_SERVER_STORE_WORK_STORE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dmgr/v1/operation_service.pb.h"
#include "server/store/database.h"

namespace dmgr::store {

struct WorkFigures {
  // Of operations that have not ended.
  std::map<v1::StepState, std::int64_t> steps;
  // Operations that a dmgrd owns, and those whose owner has not renewed its claim in time.
  std::int64_t held_leases = 0;
  std::int64_t lapsed_leases = 0;
  // That of the operation that waits longest to be begun; zero: none does.
  absl::Duration longest_wait;
  std::int64_t database_bytes = 0;
};

absl::StatusOr<WorkFigures> MeasureWork(Transaction& tx);

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_WORK_STORE_H_
