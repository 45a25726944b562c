// Data directories get another name while others begin with empty ones. Which directory has the
// other name is recorded by its inode before the effect: nothing else is ever taken for it, put in
// its place, or removed.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/remove_shared.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/ownership.h"
#include "server/host/far/state/remove_tree.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/mounts.h"

namespace dmgr::far {
namespace {

std::string DataRecordPath(const Context& context) {
  return ParentOf(ClusterRecordPath(context.session.cluster())) + "/data-aside";
}

std::optional<struct stat> StatDir(const Context& context, const std::string& path) {
  const auto entry = context.tree.FindEntry(path);
  const auto info = entry.has_value() ? entry->Stat() : std::nullopt;
  if (info.has_value() && !S_ISDIR(info->st_mode)) {
    throw Conflict(path + " is no directory", path);
  }
  return info;
}

// One directory, and what is recorded of it: "inode other-name".
class DataDir {
 public:
  DataDir(Context* context, const std::string& dir, const std::string& label)
      : context_(*context), dir_(dir), aside_(dir + "." + label) {
    const LineFile record(context_.tree, DataRecordPath(context_));
    for (const std::string& line : record.lines()) {
      const auto blank = line.find(' ');
      if (blank != std::string::npos && line.substr(blank + 1) == aside_) {
        inode_ = line.substr(0, blank);
      }
    }
  }

  void Look() const {
    const auto there = StatDir(context_, dir_);
    if (!there.has_value()) throw Conflict(dir_ + " is not there", dir_);
    CheckFree();
    struct stat above = {};
    const Entry entry = context_.tree.OpenEntry(dir_);
    if (fstat(entry.dir.get(), &above) != 0) throw SystemFailure("cannot look above", dir_, errno);
    // A directory of the same file system may be mounted there, too.
    const std::string real = RealPath(context_.tree.OpenDir(dir_).get());
    if (above.st_dev != there->st_dev || MountPoints().count(real) != 0) {
      throw Conflict(dir_ +
                         " is a mount point, which cannot get another name: mount its file system "
                         "further up, so that it is a directory there",
                     dir_);
    }
  }

  void SetAside() {
    if (!IsAside()) {
      Look();
      const auto there = StatDir(context_, dir_);
      if (inode_.has_value() && *inode_ != InodeOf(*there)) Forget();
      inode_ = InodeOf(*there);
      LineFile(context_.tree, DataRecordPath(context_)).Add({Line()});
      Rename(dir_, aside_);
    }
    MakeEmpty();
  }

  void PutBack(TreeRemover* remover) {
    if (IsAside()) {
      const std::size_t left_before = remover->left().size();
      remover->RemoveDir(dir_);
      if (StatDir(context_, dir_).has_value()) {
        const auto& left = remover->left();
        const std::string& what = left.size() > left_before ? left[left_before] : dir_;
        throw Conflict(what + " is not the cluster's, and in the way of " + aside_, what);
      }
      Rename(aside_, dir_);
    }
    Forget();
  }

  void Drop(TreeRemover* remover) {
    if (IsAside()) remover->RemoveDir(aside_);
    Forget();
  }

 private:
  static std::string InodeOf(const struct stat& info) { return std::to_string(info.st_ino); }
  std::string Line() const { return *inode_ + " " + aside_; }

  bool IsAside() const {
    if (!inode_.has_value()) return false;
    const auto kept = StatDir(context_, aside_);
    return kept.has_value() && InodeOf(*kept) == *inode_;
  }

  void CheckFree() const {
    const auto entry = context_.tree.FindEntry(aside_);
    if (entry.has_value() && entry->Stat().has_value()) {
      throw Conflict(aside_ + " is there already: move it away", aside_);
    }
  }

  void Rename(const std::string& from, const std::string& to) const {
    const Entry entry = context_.tree.OpenEntry(from);
    if (renameat(entry.dir.get(), entry.name.c_str(), entry.dir.get(), BaseName(to).c_str()) != 0) {
      throw SystemFailure("cannot rename to " + to, from, errno);
    }
    SyncDir(entry.dir.get(), ParentOf(from));
  }

  // As the one that was set aside; what is in it by now stays.
  void MakeEmpty() const {
    const auto kept = StatDir(context_, aside_);
    const Entry entry = context_.tree.OpenEntry(dir_);
    if (mkdirat(entry.dir.get(), entry.name.c_str(), 0700) != 0 && errno != EEXIST) {
      throw SystemFailure("cannot make the directory", dir_, errno);
    }
    const Fd made = Reopen(context_.tree.OpenDir(dir_).get(), dir_);
    if (!kept.has_value() || fchown(made.get(), kept->st_uid, kept->st_gid) != 0) {
      throw SystemFailure("cannot chown", dir_, errno);
    }
    if (fchmod(made.get(), kept->st_mode & 07777) != 0) {
      throw SystemFailure("cannot chmod", dir_, errno);
    }
    SyncDir(entry.dir.get(), ParentOf(dir_));
  }

  void Forget() {
    if (!inode_.has_value()) return;
    LineFile(context_.tree, DataRecordPath(context_)).Remove(context_.session, Line());
    inode_.reset();
  }

  Context& context_;
  const std::string dir_;
  const std::string aside_;
  std::optional<std::string> inode_;
};

void CheckAsideRequest(Context& context, const hv1::SetDataAside& request) {
  for (const auto& unit : request.units()) CheckUnit(unit);
  for (const auto& path : request.dirs()) CheckRemovable(path);
  CheckAccountName(request.user());
  const std::string& label = request.label();
  const bool is_plain = std::all_of(label.begin(), label.end(), [](char c) {
    return ('a' <= c && c <= 'z') || ('0' <= c && c <= '9') || c == '-';
  });
  if (label.empty() || label.size() > 64 || !is_plain) throw BadRequest("a label of another kind");
  const bool moves = request.verb() == hv1::SetDataAside::VERB_SET_ASIDE ||
                     request.verb() == hv1::SetDataAside::VERB_PUT_BACK;
  if (moves) CheckStopped(context, request.units());
}

}  // namespace

hv1::ClearDirsReply DoSetDataAside(Context& context, const hv1::SetDataAside& request) {
  CheckAsideRequest(context, request);
  const Ownership ownership = LoadOwnership(context, request.user());
  TreeRemover remover(&context, &ownership);
  for (const auto& path : request.dirs()) {
    context.call.CheckCancelled();
    DataDir dir(&context, path, request.label());
    switch (request.verb()) {
      case hv1::SetDataAside::VERB_LOOK:
        dir.Look();
        break;
      case hv1::SetDataAside::VERB_SET_ASIDE:
        dir.SetAside();
        break;
      case hv1::SetDataAside::VERB_PUT_BACK:
        dir.PutBack(&remover);
        break;
      case hv1::SetDataAside::VERB_DROP:
        dir.Drop(&remover);
        break;
      default:
        throw BadRequest("no verb");
    }
  }
  hv1::ClearDirsReply reply;
  for (const auto& path : remover.left()) reply.add_left(path);
  reply.set_removed_files(remover.removed_files());
  reply.set_removed_bytes(remover.removed_bytes());
  return reply;
}

}  // namespace dmgr::far
