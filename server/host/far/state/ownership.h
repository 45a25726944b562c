// What of a host is a cluster's, so that it may be removed.
#ifndef DMGR_SERVER_HOST_FAR_STATE_OWNERSHIP_H_
#define DMGR_SERVER_HOST_FAR_STATE_OWNERSHIP_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <set>
#include <string>

#include "server/host/far/base/context.h"

namespace dmgr::far {

// The rule. The cluster's is what dmgr wrote for it (by record), what its user owns, and temporary
// files of its far ends; never what another cluster's record names.
struct Ownership {
  std::set<std::string> recorded;
  std::set<std::string> others;
  std::optional<uid_t> user;
  std::string cluster;

  bool IsOurs(const std::string& path, const struct stat& info) const;
};

// Of the far end's cluster, from the records of all clusters. Empty user: what a user owns is not
// the cluster's for that.
Ownership LoadOwnership(Context& context, const std::string& user);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_OWNERSHIP_H_
