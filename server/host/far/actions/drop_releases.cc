#include <set>
#include <string>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/remove_shared.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/state/remove_tree.h"
#include "server/host/far/state/shared.h"

namespace dmgr::far {

void LeaveStore(Context& context, const std::string& store_dir,
                const std::set<std::string>* hashes) {
  const Walked store = context.tree.Walk(store_dir);
  const std::string holders = HoldersDir(store_dir);
  const Walked held = context.tree.Walk(holders);
  if (held.end == Walked::End::kThere) {
    for (const auto& hash : List(held.dir.get(), holders)) {
      if (hashes != nullptr && hashes->count(hash) == 0) continue;
      const std::string dir = HoldersDir(store_dir, hash);
      if (RemoveHolder(context.session, context.tree, dir)) RemoveEmptyDir(context.tree, dir);
    }
  }
  if (store.end == Walked::End::kThere) {
    SweepStore(context.session, store.dir.get(), store_dir);
    for (const auto& hash : List(store.dir.get(), store_dir)) {
      context.call.CheckCancelled();
      if (!IsHash(hash) || HasEntries(context.tree, HoldersDir(store_dir, hash))) continue;
      RemoveRelease(context.session, store.dir.get(), store_dir, hash);
    }
  }
  RemoveEmptyDir(context.tree, holders);
  RemoveEmptyDir(context.tree, store_dir);
  if (BaseName(ParentOf(store_dir)) == ".dmgr") RemoveEmptyDir(context.tree, ParentOf(store_dir));
}

void DoDropReleases(Context& context, const hv1::DropReleases& request) {
  for (const auto& store_dir : request.store_dirs()) CheckRemovable(store_dir);
  for (const auto& hash : request.hashes()) CheckHash(hash);
  const std::set<std::string> hashes(request.hashes().begin(), request.hashes().end());
  const Fd lock = LockShared(context);
  for (const auto& store_dir : request.store_dirs()) LeaveStore(context, store_dir, &hashes);
}

}  // namespace dmgr::far
