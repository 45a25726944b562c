#include "server/operations/calls/lent.h"

#include "common/error.h"
#include "server/store/borrowed_store.h"

namespace dmgr::operations {

absl::StatusOr<std::set<std::string>> LentExporters(const Resources& resources,
                                                    const std::string& cluster) {
  std::set<std::string> lent;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    lent.clear();
    ASSIGN_OR_RETURN(const auto heirs, store::ListHeirs(tx, cluster));
    for (const auto& heir : heirs) lent.insert(heir.lent);
    return absl::OkStatus();
  }));
  return lent;
}

}  // namespace dmgr::operations
