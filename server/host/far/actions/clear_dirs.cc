#include <set>
#include <string>
#include <utility>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/remove_shared.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/ownership.h"
#include "server/host/far/state/remove_tree.h"

namespace dmgr::far {

hv1::ClearDirsReply DoClearDirs(Context& context, const hv1::ClearDirs& request) {
  for (const auto& unit : request.units()) CheckUnit(unit);
  for (const auto& path : request.dirs()) CheckRemovable(path);
  CheckAccountName(request.user());
  CheckStopped(context, request.units());
  Ownership ownership = LoadOwnership(context, request.user());
  const std::set<std::string> anothers = ownership.others;
  // What dmgr itself has written is no log and no data.
  const std::set<std::string> written = std::exchange(ownership.recorded, {});
  ownership.others.insert(written.begin(), written.end());
  TreeRemover remover(&context, &ownership);
  hv1::ClearDirsReply reply;
  for (const auto& path : request.dirs()) {
    if (anothers.count(path) != 0) {
      reply.add_left(path);
    } else {
      remover.ClearDir(path);
    }
  }
  for (const auto& path : remover.left()) {
    if (written.count(path) == 0) reply.add_left(path);
  }
  reply.set_removed_files(remover.removed_files());
  reply.set_removed_bytes(remover.removed_bytes());
  return reply;
}

}  // namespace dmgr::far
