#include "server/host/far/actions/actions.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/cluster_keys.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/accounts.h"

namespace dmgr::far {

void DoDropOldKeys(Context& context, const hv1::DropOldKeys& request) {
  CheckAccountName(request.user());
  const Fd lock = LockShared(context);
  const auto user = FindUser(context, request.user());
  if (!user.has_value()) return;
  const LineFile made(context.tree, AccountDir(user->name) + "/made");
  RemoveClusterKeys(context, *user, made, "", request.public_key());
}

}  // namespace dmgr::far
