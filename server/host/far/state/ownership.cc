#include "server/host/far/state/ownership.h"

#include "server/host/far/base/paths.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/accounts.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {

bool Ownership::IsOurs(const std::string& path, const struct stat& info) const {
  if (others.count(path) != 0) return false;
  return recorded.count(path) != 0 || (user.has_value() && info.st_uid == *user) ||
         IsTemporaryOf(BaseName(path), cluster);
}

Ownership LoadOwnership(Context& context, const std::string& user) {
  Ownership ownership;
  ownership.cluster = context.session.cluster();
  if (!user.empty()) {
    if (const auto found = FindUser(context, user)) ownership.user = found->id;
  }
  const Walked clusters = context.tree.Walk(kClustersDir);
  if (clusters.end != Walked::End::kThere) return ownership;
  for (const auto& cluster : List(clusters.dir.get(), kClustersDir)) {
    const LineFile record(context.tree, ClusterRecordPath(cluster));
    auto& paths = cluster == ownership.cluster ? ownership.recorded : ownership.others;
    paths.insert(record.lines().begin(), record.lines().end());
  }
  return ownership;
}

}  // namespace dmgr::far
