#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/remove_shared.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/borrowed_dirs.h"
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
  hv1::LeaveClusterReply reply;
  // Directories of the cluster in the user's home are no reason to keep it.
  RemoveParents(context, ownership, request.parents());
  if (!request.user().empty()) {
    LeaveAccount(context, request.user(), request.public_key(), &reply);
  }
  ReturnBorrowed(context);
  for (const auto& store_dir : request.store_dirs()) LeaveStore(context, store_dir, nullptr);
  RemoveParents(context, ownership, request.parents());
  LeaveHost(context);
  return reply;
}

}  // namespace dmgr::far
