// Exporters of a cluster that serve other clusters as well.
#ifndef DMGR_SERVER_OPERATIONS_CALLS_LENT_H_
#define DMGR_SERVER_OPERATIONS_CALLS_LENT_H_

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "server/resources/resources.h"

namespace dmgr::operations {

// Names of those that another cluster would take over.
absl::StatusOr<std::set<std::string>> LentExporters(const Resources& resources,
                                                    const std::string& cluster);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_CALLS_LENT_H_
