#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/state/borrowed_dirs.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/accounts.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

Fd EnterNew(int parent, const std::string& name, const std::string& path) {
  if (mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST) {
    throw SystemFailure("cannot make the directory", path, errno);
  }
  Fd dir(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir.ok()) throw SystemFailure("cannot enter", path, errno);
  return dir;
}

void Own(int dir, uid_t user, gid_t group, mode_t mode, const std::string& path) {
  if (fchown(dir, user, group) != 0) throw SystemFailure("cannot chown", path, errno);
  if (fchmod(dir, mode) != 0) throw SystemFailure("cannot chmod", path, errno);
}

// Makes what is missing of path.
Fd Make(const Tree& tree, Walked walked, const std::string& path) {
  struct stat ancestor = {};
  if (fstat(walked.dir.get(), &ancestor) != 0) {
    throw SystemFailure("cannot look at", walked.path, errno);
  }
  // Those between are whose the one above is; a login gives nothing away.
  FileOwner owner{ancestor.st_uid, ancestor.st_gid};
  if (tree.login() != nullptr) owner = tree.root();
  std::string made = walked.path == "/" ? "" : walked.path;
  Fd dir = std::move(walked.dir);
  for (const auto& name : Components(path.substr(made.size()))) {
    const std::string parent = made.empty() ? "/" : made;
    made += "/" + name;
    Fd next = EnterNew(dir.get(), name, made);
    if (made != path) Own(next.get(), owner.user, owner.group, 0755, made);
    SyncDir(dir.get(), parent);
    dir = std::move(next);
  }
  return dir;
}

// A directory of somebody else is not taken, not even an empty one: a program may need it as it is
// (sshd its /var/empty). A disk that was mounted for this, with nothing but lost+found, is.
void CheckMayOwn(int dir, const struct stat& info, const std::string& path,
                 const std::string& owner) {
  struct stat above = {};
  if (fstatat(dir, "..", &above, AT_SYMLINK_NOFOLLOW) != 0) {
    throw SystemFailure("cannot look above", path, errno);
  }
  const std::vector<std::string> names = List(dir, path);
  const bool is_empty = std::all_of(names.begin(), names.end(),
                                    [](const auto& name) { return name == "lost+found"; });
  if (is_empty && above.st_dev != info.st_dev) return;
  throw Conflict(path + " is there and belongs to the user with the number " +
                     std::to_string(info.st_uid) + ", not to " + owner,
                 path);
}

}  // namespace

void DoMakeDirs(Context& context, const hv1::MakeDirs& request) {
  std::vector<std::string> absent;
  for (const auto& dir : request.dirs()) {
    if (dir.path() == "/") throw BadRequest("/ is not made", dir.path());
    const Walked walked = context.tree.Walk(dir.path());
    if (walked.end == Walked::End::kAbsent) absent.push_back(dir.path());
  }
  RecordPaths(context, absent);
  const LineFile ours(context.tree, ClusterRecordPath(context.session.cluster()));
  for (const auto& dir : request.dirs()) {
    context.call.CheckCancelled();
    const FileOwner owner = OwnerOf(context, dir.owner(), dir.group());
    Walked walked = context.tree.Walk(dir.path());
    Fd made;
    if (walked.end == Walked::End::kAbsent) {
      made = Make(context.tree, std::move(walked), dir.path());
    } else {
      made = Reopen(context.tree.OpenDir(dir.path()).get(), dir.path());
    }
    struct stat info = {};
    if (fstat(made.get(), &info) != 0) throw SystemFailure("cannot look at", dir.path(), errno);
    const mode_t mode = dir.mode() & 07777;
    if (info.st_uid == owner.user && info.st_gid == owner.group && (info.st_mode & 07777) == mode) {
      continue;
    }
    if (!ours.Has(dir.path())) {
      // Who had it made it as it is.
      const bool is_usable = info.st_uid == owner.user && (info.st_mode & S_IRWXU) == S_IRWXU;
      if (is_usable) continue;
      if (info.st_uid != owner.user) CheckMayOwn(made.get(), info, dir.path(), dir.owner());
      RecordBorrowed(context, dir.path(), info);
    }
    Own(made.get(), owner.user, owner.group, mode, dir.path());
  }
}

}  // namespace dmgr::far
