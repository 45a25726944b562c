// What DM's codes and texts mean. Private to this room.
#ifndef DMGR_SERVER_DM_MEANINGS_H_
#define DMGR_SERVER_DM_MEANINGS_H_

#include <string_view>

#include "absl/status/status.h"
#include "server/dm/dm_error.h"

namespace dmgr::dm {

struct Meaning {
  absl::StatusCode code;
  std::string_view reason;
  // Empty: DM knows better, or nobody does.
  std::string_view remedy;
};

Meaning MeaningOf(const DmError& error);

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_MEANINGS_H_
