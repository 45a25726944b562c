#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/host_facts.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/state/fence.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/accounts.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/ports.h"

namespace dmgr::far {
namespace {

hv1::PathState Look(const Tree& tree, const std::string& path) {
  CheckPath(path);
  hv1::PathState state;
  state.set_path(path);
  const std::string parent = path == "/" ? path : ParentOf(path);
  const Walked walked = tree.Walk(parent);
  state.set_existing_parent(walked.path);
  state.set_root_only_parent(walked.root_only);
  state.set_device(walked.root_only_device);
  state.set_free_bytes(FreeBytes(walked.dir.get(), walked.path));
  if (walked.end == Walked::End::kAbsent) {
    state.set_type(hv1::PathState::TYPE_ABSENT);
    return state;
  }
  if (walked.end != Walked::End::kThere) {
    state.set_type(hv1::PathState::TYPE_OTHER);
    return state;
  }
  struct stat info = {};
  const char* name = path == "/" ? "." : path.c_str() + path.rfind('/') + 1;
  if (fstatat(walked.dir.get(), name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) throw SystemFailure("cannot look at", path, errno);
    state.set_type(hv1::PathState::TYPE_ABSENT);
    return state;
  }
  state.set_existing_parent(path);
  state.set_type(TypeOf(info));
  state.set_owner(UserName(tree, info.st_uid));
  state.set_mode(info.st_mode & 07777);
  if (state.type() == hv1::PathState::TYPE_DIRECTORY) {
    const Walked itself = tree.Walk(path);
    if (itself.end != Walked::End::kThere) return state;
    state.set_empty(List(itself.dir.get(), path).empty());
    state.set_free_bytes(FreeBytes(itself.dir.get(), path));
  }
  return state;
}

void LookAtAccount(Context& context, const hv1::Inspect& request, hv1::InspectReply* reply) {
  if (!request.group().empty()) {
    reply->set_group_exists(FindGroup(context, request.group()).has_value());
  }
  if (request.user().empty()) return;
  const auto exists = [&](const std::string& path) {
    const auto entry = context.tree.FindEntry(path);
    return entry.has_value() && entry->Stat().has_value();
  };
  reply->set_sudoers_exists(exists(SudoersPath(request.user())));
  const auto user = FindUser(context, request.user());
  if (!user.has_value()) return;
  reply->set_user_exists(true);
  reply->set_user_home(CleanText(user->home));
  if (user->home.empty() || user->home[0] != '/') return;
  reply->set_authorized_keys_exists(Look(context.tree, AuthorizedKeysPath(*user)).type() !=
                                    hv1::PathState::TYPE_ABSENT);
}

}  // namespace

hv1::InspectReply DoInspect(Context& context, const hv1::Inspect& request) {
  hv1::InspectReply reply;
  LookAtAccount(context, request, &reply);
  for (const auto& path : request.paths()) *reply.add_paths() = Look(context.tree, path);
  hv1::QueryUnits units;
  *units.mutable_units() = request.units();
  *reply.mutable_units() = std::move(*DoQueryUnits(context, units).mutable_units());
  for (auto& port : ListenersOf({request.ports().begin(), request.ports().end()})) {
    *reply.add_ports() = std::move(port);
  }
  reply.set_epoch(HighestEpoch(context.tree));
  return reply;
}

}  // namespace dmgr::far
