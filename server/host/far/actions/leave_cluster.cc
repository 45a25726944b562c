#include <string>
#include <vector>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/remove_shared.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/ownership.h"
#include "server/host/far/state/remove_tree.h"
#include "server/host/far/state/shared.h"

namespace dmgr::far {

hv1::LeaveClusterReply DoLeaveCluster(Context& context, const hv1::LeaveCluster& request) {
  for (const auto* paths : {&request.store_dirs(), &request.parents()}) {
    for (const auto& path : *paths) CheckRemovable(path);
  }
  if (!request.user().empty()) CheckAccountName(request.user());
  const Fd lock = LockShared(context);
  // While its user and its record are there.
  const Ownership ownership = LoadOwnership(context, request.user());
  std::vector<std::string> left;
  if (!request.user().empty()) {
    LeaveAccount(context, request.user(), request.public_key(), &left);
  }
  for (const auto& store_dir : request.store_dirs()) LeaveStore(context, store_dir, nullptr);
  RemoveParents(context, ownership, request.parents());
  LeaveHost(context);
  hv1::LeaveClusterReply reply;
  for (const auto& path : left) reply.add_left(path);
  return reply;
}

}  // namespace dmgr::far
