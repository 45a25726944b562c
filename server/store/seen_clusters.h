// Which clusters a list is of.
#ifndef DMGR_SERVER_STORE_SEEN_CLUSTERS_H_
#define DMGR_SERVER_STORE_SEEN_CLUSTERS_H_

#include <optional>
#include <set>
#include <string>

namespace dmgr::store {

// Names, also of such as are gone; nullopt: all clusters.
using SeenClusters = std::optional<std::set<std::string>>;

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_SEEN_CLUSTERS_H_
