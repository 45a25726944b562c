#include "server/host/far/state/remove_tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/paths.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/mounts.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxLeft = 500;
// Each takes a file descriptor.
constexpr int kMaxDepth = 400;
// What st_blocks counts.
constexpr std::uint64_t kBlock = 512;

}  // namespace

TreeRemover::TreeRemover(Context* context, const Ownership* ownership)
    : context_(*context), ownership_(*ownership), mount_points_(MountPoints()) {}

bool TreeRemover::Leave(const std::string& path) {
  if (left_.size() < kMaxLeft) left_.push_back(CleanText(path));
  return false;
}

void TreeRemover::RemoveFile(const std::string& path) {
  const auto entry = context_.tree.FindEntry(path);
  const auto info = entry.has_value() ? entry->Stat() : std::nullopt;
  if (!info.has_value()) return;
  if (S_ISDIR(info->st_mode) || !ownership_.IsOurs(path, *info)) {
    Leave(path);
    return;
  }
  far::RemoveFile(*entry);
  SyncDir(entry->dir.get(), ParentOf(path));
}

void TreeRemover::RemoveDir(const std::string& path) {
  const auto entry = context_.tree.FindEntry(path);
  const auto info = entry.has_value() ? entry->Stat() : std::nullopt;
  if (!info.has_value()) return;
  // Something else took the place of the directory.
  if (!S_ISDIR(info->st_mode) && !ownership_.IsOurs(path, *info)) {
    Leave(path);
    return;
  }
  Remove({entry->dir.get(), entry->name, path, RealPath(entry->dir.get()) + "/" + entry->name});
  SyncDir(entry->dir.get(), ParentOf(path));
}

void TreeRemover::ClearDir(const std::string& path) {
  const auto entry = context_.tree.FindEntry(path);
  const auto info = entry.has_value() ? entry->Stat() : std::nullopt;
  if (!info.has_value()) return;
  if (!S_ISDIR(info->st_mode)) {
    Leave(path);
    return;
  }
  RemoveInside(
      {entry->dir.get(), entry->name, path, RealPath(entry->dir.get()) + "/" + entry->name});
}

bool TreeRemover::Remove(const Level& level) {
  context_.call.CheckCancelled();
  struct stat info = {};
  if (fstatat(level.parent, level.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return true;
    throw SystemFailure("cannot look at", level.path, errno);
  }
  if (S_ISDIR(info.st_mode)) return RemoveDirectory(level, info);
  if (!ownership_.IsOurs(level.path, info)) return Leave(level.path);
  if (unlinkat(level.parent, level.name.c_str(), 0) == 0) {
    ++removed_files_;
    removed_bytes_ += static_cast<std::uint64_t>(info.st_blocks) * kBlock;
    return true;
  }
  if (errno == ENOENT) return true;
  // A file that is a mount point.
  if (errno == EBUSY) return Leave(level.path);
  throw SystemFailure("cannot remove", level.path, errno);
}

bool TreeRemover::RemoveDirectory(const Level& level, const struct stat& info) {
  const bool is_top = level.depth == 0;
  const bool is_mount_point = mount_points_.count(level.real_path) != 0;
  const bool is_anothers = ownership_.others.count(level.path) != 0;
  if (is_anothers || level.depth > kMaxDepth || (is_mount_point && !is_top)) {
    return Leave(level.path);
  }
  if (!RemoveInside(level)) return false;
  if (is_mount_point || (!is_top && !ownership_.IsOurs(level.path, info))) {
    return Leave(level.path);
  }
  if (unlinkat(level.parent, level.name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  // Somebody has put something in it meanwhile, or uses it as a mount point elsewhere.
  if (errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY) return Leave(level.path);
  throw SystemFailure("cannot remove", level.path, errno);
}

bool TreeRemover::RemoveInside(const Level& level) {
  const Fd dir(
      openat(level.parent, level.name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir.ok()) throw SystemFailure("cannot enter", level.path, errno);
  bool is_empty = true;
  for (const auto& name : List(dir.get(), level.path)) {
    const bool removed = Remove(
        {dir.get(), name, level.path + "/" + name, level.real_path + "/" + name, level.depth + 1});
    is_empty = is_empty && removed;
  }
  // The top itself may stay.
  if (level.depth == 0) SyncDir(dir.get(), level.path);
  return is_empty;
}

bool RemoveEmptyDir(const Tree& tree, const std::string& path) {
  const auto entry = tree.FindEntry(path);
  return entry.has_value() && unlinkat(entry->dir.get(), entry->name.c_str(), AT_REMOVEDIR) == 0;
}

void RemoveParents(Context& context, const Ownership& ownership, const PathNames& paths) {
  for (const auto& path : paths) {
    if (ownership.others.count(path) == 0) RemoveEmptyDir(context.tree, path);
  }
}

}  // namespace dmgr::far
