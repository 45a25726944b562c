#include "server/host/far/state/shared.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "server/host/far/base/failure.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

constexpr milliseconds kLockTimeout{120000};
constexpr std::size_t kMaxLines = 16U << 20;

}  // namespace

Fd LockShared(Context& context) {
  const auto deadline = Clock::now() + kLockTimeout;
  while (Clock::now() < deadline) {
    const Fd dir = MakeRootDir(context.tree, kSharedDir, 0700);
    Fd lock = LockFile(context.call, dir.get(), "lock", kLockTimeout);
    struct stat info = {};
    // The last cluster to leave the host removes the lock while it has it.
    if (lock.ok() && fstat(lock.get(), &info) == 0 && info.st_nlink > 0) return lock;
  }
  throw Failed(hv1::Failure::KIND_DEADLINE,
               "another cluster's far end keeps the lock of what clusters share on this host",
               std::string(kSharedDir) + "/lock");
}

std::string SudoersPath(const std::string& user) {
  // sudo skips files with a dot in their name.
  std::string name = user;
  std::replace(name.begin(), name.end(), '.', '_');
  return "/etc/sudoers.d/dmgr-" + name;
}

std::string SshDirPath(const User& user) { return (user.home == "/" ? "" : user.home) + "/.ssh"; }

std::string AuthorizedKeysPath(const User& user) { return SshDirPath(user) + "/authorized_keys"; }

std::string AccountDir(const std::string& user) {
  return PathIn(kSharedDir, kAccountPrefix + user);
}

LineFile::LineFile(const Tree& tree, std::string path) : tree_(tree), path_(std::move(path)) {
  const auto entry = tree_.FindEntry(path_);
  if (!entry.has_value()) return;
  const std::string text = ReadFile(*entry, kMaxLines).value_or("");
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    if (end == std::string::npos) break;
    lines_.insert(text.substr(at, end - at));
    at = end + 1;
  }
}

void LineFile::Add(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) {
    if (lines_.insert(line).second) text += line + "\n";
  }
  if (text.empty()) return;
  const Fd dir = MakeRootDir(tree_, ParentOf(path_), 0700);
  const Fd fd(openat(dir.get(), BaseName(path_).c_str(),
                     O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.ok()) throw SystemFailure("cannot write", path_, errno);
  // Ends a line that a kill cut off; that line then names nothing.
  struct stat info = {};
  if (fstat(fd.get(), &info) == 0 && info.st_size > 0) text.insert(0, "\n");
  WriteAll(fd.get(), text, path_);
  if (fsync(fd.get()) != 0) throw SystemFailure("cannot sync", path_, errno);
  SyncDir(dir.get(), path_);
}

void LineFile::Remove(Session& session, const std::string& line) {
  if (lines_.erase(line) == 0) return;
  std::string text;
  for (const auto& kept : lines_) text += kept + "\n";
  const Entry entry = tree_.OpenEntry(path_);
  WriteFile(session, entry, text, 0600, tree_.root());
  SyncDir(entry.dir.get(), path_);
}

void AddHolder(const std::string& cluster, const Tree& tree, const std::string& dir) {
  const Fd fd = MakeRootDir(tree, dir, 0755);
  const Fd file(
      openat(fd.get(), cluster.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.ok()) throw SystemFailure("cannot write", dir + "/" + cluster, errno);
  SyncDir(fd.get(), dir);
}

bool RemoveHolder(const Session& session, const Tree& tree, const std::string& dir) {
  const auto entry = tree.FindEntry(dir + "/" + session.cluster());
  if (!entry.has_value()) return true;
  if (RemoveFile(*entry)) SyncDir(entry->dir.get(), dir);
  return List(entry->dir.get(), dir).empty();
}

}  // namespace dmgr::far
