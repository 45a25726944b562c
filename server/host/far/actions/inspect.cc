#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/host_facts.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/account_record.h"
#include "server/host/far/state/fence.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/accounts.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/mounts.h"
#include "server/host/far/system/ports.h"
#include "server/host/far/system/reach.h"

namespace dmgr::far {
namespace {

hv1::FileSystem FileSystemOf(int dir, const std::string& path) {
  struct stat info = {};
  struct statvfs space = {};
  // Before Linux 3.12 only an open file tells it; a login may not open every folder on the way.
  const bool told = fstatvfs(dir, &space) == 0 || fstatvfs(Reopen(dir, path).get(), &space) == 0;
  if (!told || fstat(dir, &info) != 0) {
    throw SystemFailure("cannot look at the file system of", path, errno);
  }
  hv1::FileSystem seen;
  seen.set_device(info.st_dev);
  // One without a limit counts no blocks.
  const bool endless = space.f_blocks == 0;
  seen.set_free_bytes(endless ? std::numeric_limits<std::uint64_t>::max()
                              : static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize);
  seen.set_free_inodes(space.f_favail);
  seen.set_endless_inodes(space.f_files == 0);
  seen.set_read_only((space.f_flag & ST_RDONLY) != 0);
  seen.set_no_exec((space.f_flag & ST_NOEXEC) != 0);
  return seen;
}

// Looks at paths; what many of them have above them is looked at once.
class PathLooker {
 public:
  PathLooker(const Tree& tree, hv1::Inspect request) : tree_(tree), request_(std::move(request)) {}

  hv1::PathState Look(const std::string& path);

 private:
  // What of the release store in a directory matters.
  struct Store {
    hv1::FileSystem file_system;
    std::vector<std::string> releases;
  };

  const Store& StoreIn(const std::string& dir);
  bool LookAtIt(const Walked& walked, const std::string& path, hv1::PathState* state);
  bool IsEmpty(int dir, const std::string& path) const;
  void SetBlock(const Walked& walked, const std::string& path, hv1::PathState* state);

  const Tree& tree_;
  const hv1::Inspect request_;
  const std::set<std::string> mount_points_ = MountPoints();
  std::map<std::string, Store> stores_;
};

const PathLooker::Store& PathLooker::StoreIn(const std::string& dir) {
  const auto [it, added] = stores_.try_emplace(dir);
  if (!added) return it->second;
  it->second.file_system = FileSystemOf(tree_.OpenDir(dir).get(), dir);
  const Walked store = tree_.Walk(StoreBelow(dir));
  if (store.end != Walked::End::kThere) return it->second;
  for (const auto& hash : request_.release_hashes()) {
    CheckHash(hash);
    if (HasRelease(store.dir.get(), hash)) it->second.releases.push_back(hash);
  }
  return it->second;
}

// walked: how far the way led.
void PathLooker::SetBlock(const Walked& walked, const std::string& path, hv1::PathState* state) {
  const std::string base = walked.path == "/" ? "" : walked.path;
  const std::string name = Components(path.substr(base.size())).front();
  state->set_blocked_by(base + "/" + name);
  char target[PATH_MAX];
  const ssize_t size = readlinkat(walked.dir.get(), name.c_str(), target, sizeof(target));
  if (size > 0) {
    state->set_link_target(CleanText({target, static_cast<std::size_t>(size)}));
  }
}

hv1::PathState PathLooker::Look(const std::string& path) {
  CheckPath(path);
  hv1::PathState state;
  state.set_path(path);
  const std::string parent = path == "/" ? path : ParentOf(path);
  const Walked walked = tree_.Walk(parent);
  state.set_existing_parent(walked.path);
  std::string store_parent = walked.root_only;
  state.set_device(walked.root_only_device);
  if (const Login* login = tree_.login()) {
    // All that it keeps is in its home.
    store_parent = login->home;
    state.set_device(StoreIn(store_parent).file_system.device());
  }
  state.set_root_only_parent(store_parent);
  const Store& store = StoreIn(store_parent);
  *state.mutable_store_file_system() = store.file_system;
  for (const auto& hash : store.releases) state.add_stored_releases(hash);
  const bool on_the_way = walked.end == Walked::End::kThere;
  if (!on_the_way || !LookAtIt(walked, path, &state)) {
    *state.mutable_file_system() = FileSystemOf(walked.dir.get(), walked.path);
  }
  state.set_free_bytes(state.file_system().free_bytes());
  if (walked.end == Walked::End::kAbsent) {
    state.set_type(hv1::PathState::TYPE_ABSENT);
  } else if (!on_the_way) {
    state.set_type(hv1::PathState::TYPE_OTHER);
    SetBlock(walked, parent, &state);
  }
  return state;
}

bool PathLooker::IsEmpty(int dir, const std::string& path) const {
  // What a login may not list is somebody's.
  if (tree_.login() != nullptr && faccessat(dir, ".", R_OK, AT_EACCESS) != 0) return false;
  const std::vector<std::string> names = List(dir, path);
  // A new file system has this one.
  return std::all_of(names.begin(), names.end(),
                     [](const auto& entry) { return entry == "lost+found"; });
}

// False when there is no directory whose file system could be looked at.
bool PathLooker::LookAtIt(const Walked& walked, const std::string& path, hv1::PathState* state) {
  struct stat info = {};
  const char* name = path == "/" ? "." : path.c_str() + path.rfind('/') + 1;
  if (fstatat(walked.dir.get(), name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) throw SystemFailure("cannot look at", path, errno);
    state->set_type(hv1::PathState::TYPE_ABSENT);
    return false;
  }
  state->set_existing_parent(path);
  state->set_type(TypeOf(info));
  state->set_owner(UserName(tree_, info.st_uid));
  state->set_mode(info.st_mode & 07777);
  if (state->type() == hv1::PathState::TYPE_SYMLINK) SetBlock(walked, path, state);
  if (state->type() != hv1::PathState::TYPE_DIRECTORY) return false;
  const Walked itself = tree_.Walk(path);
  if (itself.end != Walked::End::kThere) return false;
  state->set_empty(IsEmpty(itself.dir.get(), path));
  *state->mutable_file_system() = FileSystemOf(itself.dir.get(), path);
  state->set_mount_point(mount_points_.count(RealPath(itself.dir.get())) != 0);
  return true;
}

void LookAtAccount(Context& context, const hv1::Inspect& request, hv1::InspectReply* reply) {
  if (!request.group().empty()) {
    reply->set_group_exists(FindGroup(context, request.group()).has_value());
    reply->set_group_made(HasMadeGroup(context.tree, request.group()));
  }
  if (request.user().empty()) return;
  const auto exists = [&](const std::string& path) {
    const auto entry = context.tree.FindEntry(path);
    return entry.has_value() && entry->Stat().has_value();
  };
  // Nobody but root may look there.
  if (context.tree.login() == nullptr) {
    reply->set_sudoers_exists(exists(SudoersPath(request.user())));
  }
  const auto user = FindUser(context, request.user());
  if (!user.has_value()) return;
  reply->set_user_exists(true);
  reply->set_user_made(LineFile(context.tree, AccountDir(user->name) + "/made").Has(kMadeUser));
  reply->set_is_member(request.group().empty() || IsMember(context, *user, request.group()));
  reply->set_user_home(CleanText(user->home));
  if (user->home.empty() || user->home[0] != '/') return;
  reply->set_authorized_keys_exists(
      PathLooker(context.tree, hv1::Inspect()).Look(AuthorizedKeysPath(*user)).type() !=
      hv1::PathState::TYPE_ABSENT);
}

}  // namespace

hv1::InspectReply DoInspect(Context& context, const hv1::Inspect& request) {
  hv1::InspectReply reply;
  LookAtAccount(context, request, &reply);
  if (context.tree.login() != nullptr) {
    *reply.mutable_user_instance() = UserInstanceOf(context);
  }
  PathLooker looker(context.tree, request);
  for (const auto& path : request.paths()) *reply.add_paths() = looker.Look(path);
  for (const auto& address : request.listen_addresses()) {
    if (!CanListenOn(address)) reply.add_foreign_addresses(address);
  }
  std::string nodes = ReadProc("/sys/devices/system/node/online");
  nodes.erase(nodes.find_last_not_of(" \n") + 1);
  reply.set_numa_nodes(CleanText(nodes));
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
