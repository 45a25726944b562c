#include "server/host/far/system/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "server/host/far/base/failure.h"

namespace dmgr::far {
namespace {

constexpr char kTemporary[] = ".dmgr-tmp-";
constexpr milliseconds kLockPoll{20};

std::string TemporaryPrefix(std::string_view cluster) {
  return kTemporary + std::string(cluster) + "-";
}

std::string ReadAll(int fd, std::size_t max_size, const std::string& path) {
  std::string text;
  char buffer[64U << 10];
  while (true) {
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw SystemFailure("cannot read", path, errno);
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > max_size) throw SystemFailure("cannot read", path, EFBIG);
  }
}

// Neither follows a link nor waits for the other end of a pipe.
Fd OpenToRead(const Entry& entry) {
  return Fd(openat(entry.dir.get(), entry.name.c_str(),
                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

// Asked of the open file: a name may lead elsewhere a moment later.
bool IsOfItsFolder(int fd, const Entry& entry) {
  struct stat file = {};
  struct stat dir = {};
  if (fstat(fd, &file) != 0 || fstat(entry.dir.get(), &dir) != 0) return false;
  if (dir.st_uid == 0 && (dir.st_mode & (S_IWGRP | S_IWOTH)) == 0) return true;
  return file.st_nlink == 1 && (file.st_uid == 0 || file.st_uid == dir.st_uid);
}

// The file as it is, opened, when it has this content and no other name.
Fd OpenIfSame(const Entry& entry, const struct stat& info, std::string_view content) {
  if (!S_ISREG(info.st_mode) || info.st_nlink != 1 ||
      static_cast<std::size_t>(info.st_size) != content.size()) {
    return Fd();
  }
  Fd fd = OpenToRead(entry);
  struct stat opened = {};
  if (!fd.ok() || fstat(fd.get(), &opened) != 0 || !S_ISREG(opened.st_mode) ||
      opened.st_nlink != 1 || static_cast<std::size_t>(opened.st_size) != content.size()) {
    return Fd();
  }
  return ReadAll(fd.get(), content.size(), entry.path) == content ? std::move(fd) : Fd();
}

void SetOwnerAndMode(int fd, mode_t mode, const FileOwner& owner, const std::string& path) {
  // The owner first: chown clears the set-user-id bit.
  if (fchown(fd, owner.user, owner.group) != 0) throw SystemFailure("cannot chown", path, errno);
  if (fchmod(fd, mode) != 0) throw SystemFailure("cannot chmod", path, errno);
}

}  // namespace

hv1::PathState::Type TypeOf(const struct stat& info) {
  if (S_ISDIR(info.st_mode)) return hv1::PathState::TYPE_DIRECTORY;
  if (S_ISREG(info.st_mode)) return hv1::PathState::TYPE_FILE;
  if (S_ISLNK(info.st_mode)) return hv1::PathState::TYPE_SYMLINK;
  return hv1::PathState::TYPE_OTHER;
}

Fd OpenLinked(const Entry& entry) {
  Fd fd = OpenToRead(entry);
  struct stat info = {};
  if (!fd.ok() || fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return Fd();
  return fd;
}

Fd OpenRegular(const Entry& entry) {
  Fd fd = OpenLinked(entry);
  return fd.ok() && IsOfItsFolder(fd.get(), entry) ? std::move(fd) : Fd();
}

std::optional<std::string> ReadFile(const Entry& entry, std::size_t max_size) {
  const Fd fd = OpenToRead(entry);
  if (!fd.ok() && (errno == ENOENT || errno == ELOOP)) return std::nullopt;
  struct stat info = {};
  if (!fd.ok() || fstat(fd.get(), &info) != 0) {
    throw SystemFailure("cannot read", entry.path, errno);
  }
  if (!S_ISREG(info.st_mode) || !IsOfItsFolder(fd.get(), entry)) return std::nullopt;
  return ReadAll(fd.get(), max_size, entry.path);
}

std::string ReadProc(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[16U << 10];
  for (ssize_t got = 0; fd.ok() && (got = read(fd.get(), buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

std::string TemporaryName(Session& session) {
  return TemporaryPrefix(session.cluster()) + std::to_string(session.begin->epoch()) + "-" +
         std::to_string(session.begin->start_number()) + "-" + std::to_string(session.next_name++);
}

bool IsTemporaryOf(std::string_view name, std::string_view cluster) {
  const std::string prefix = TemporaryPrefix(cluster);
  return name.size() > prefix.size() && name.substr(0, prefix.size()) == prefix;
}

void RemoveTemporaries(const Session& session, int dir, const std::string& path) {
  for (const auto& name : List(dir, path)) {
    if (IsTemporaryOf(name, session.cluster())) unlinkat(dir, name.c_str(), 0);
  }
}

bool WriteFile(Session& session, const Entry& entry, std::string_view content, mode_t mode,
               const FileOwner& owner) {
  const auto there = entry.Stat();
  if (there.has_value() && S_ISDIR(there->st_mode)) {
    throw Conflict("a directory is in the way of the file " + entry.path, entry.path);
  }
  if (there.has_value()) {
    if (const Fd fd = OpenIfSame(entry, *there, content); fd.ok()) {
      const bool mend = (there->st_mode & 07777) != mode || there->st_uid != owner.user ||
                        there->st_gid != owner.group;
      if (mend) SetOwnerAndMode(fd.get(), mode, owner, entry.path);
      return false;
    }
  }
  const std::string temporary = TemporaryName(session);
  const Fd fd(openat(entry.dir.get(), temporary.c_str(),
                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.ok()) throw SystemFailure("cannot write", entry.path, errno);
  try {
    WriteAll(fd.get(), content, entry.path);
    SetOwnerAndMode(fd.get(), mode, owner, entry.path);
    if (fsync(fd.get()) != 0) throw SystemFailure("cannot sync", entry.path, errno);
    if (renameat(entry.dir.get(), temporary.c_str(), entry.dir.get(), entry.name.c_str()) != 0) {
      throw SystemFailure("cannot replace", entry.path, errno);
    }
  } catch (const Failed&) {
    unlinkat(entry.dir.get(), temporary.c_str(), 0);
    throw;
  }
  return true;
}

void WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw SystemFailure("cannot write", path, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

void SyncDir(int dir, const std::string& path) {
  if (fsync(Reopen(dir, path).get()) != 0) throw SystemFailure("cannot sync", path, errno);
}

bool RemoveFile(const Entry& entry) {
  if (unlinkat(entry.dir.get(), entry.name.c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  throw SystemFailure("cannot remove", entry.path, errno);
}

Fd MakeRootDir(const Tree& tree, const std::string& asked, mode_t mode) {
  const std::string path = tree.Place(asked);
  Walked walked = tree.Walk(path);
  Fd dir = std::move(walked.dir);
  if (walked.end == Walked::End::kAbsent) {
    std::string made = walked.path == "/" ? "" : walked.path;
    for (const auto& name : Components(path.substr(made.size()))) {
      made += "/" + name;
      const mode_t wanted = made == path ? mode : 0755;
      if (mkdirat(dir.get(), name.c_str(), wanted) != 0 && errno != EEXIST) {
        throw SystemFailure("cannot make the directory", made, errno);
      }
      Fd next(openat(dir.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next.ok()) throw SystemFailure("cannot enter", made, errno);
      dir = std::move(next);
    }
  } else if (walked.end != Walked::End::kThere) {
    dir = tree.OpenDir(path);  // Throws.
  }
  struct stat info = {};
  if (fstat(dir.get(), &info) != 0) throw SystemFailure("cannot look at", path, errno);
  if (info.st_uid != tree.root().user || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    throw Conflict(path + " is there already, and others than root may write in it", path);
  }
  return dir;
}

Fd LockFile(const Call& call, int dir, const std::string& name, milliseconds timeout) {
  Fd fd(openat(dir, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.ok()) throw SystemFailure("cannot open the lock", name, errno);
  const auto deadline = Clock::now() + timeout;
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw SystemFailure("cannot lock", name, errno);
    if (Clock::now() >= deadline) return Fd();
    call.Sleep(kLockPoll);
  }
  return fd;
}

}  // namespace dmgr::far
