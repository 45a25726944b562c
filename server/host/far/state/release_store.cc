#include "server/host/far/state/release_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

// ".tmp-HASH-CLUSTER-EPOCH-START-N"
bool IsStoreTemporaryOf(const std::string& name, const std::string& cluster) {
  const std::string prefix = ".tmp-";
  const std::size_t at = prefix.size() + 64;
  return name.compare(0, prefix.size(), prefix) == 0 && name.size() > at &&
         name.compare(at, cluster.size() + 2, "-" + cluster + "-") == 0;
}

}  // namespace

std::string StoreBelow(const std::string& dir) {
  return (dir == "/" ? "" : dir) + "/.dmgr/releases";
}

Fd MakeStore(const Tree& tree, const std::string& store_dir) {
  CheckPath(store_dir);
  MakeRootDir(tree, ParentOf(store_dir), 0755);
  return MakeRootDir(tree, store_dir, 0755);
}

bool HasRelease(int store, const std::string& hash) {
  const std::string marker = hash + "/" + kComplete;
  struct stat info = {};
  return fstatat(store, marker.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode);
}

std::string HoldersDir(const std::string& store_dir, const std::string& hash) {
  const std::string parent = ParentOf(store_dir);
  return (parent == "/" ? "" : parent) + "/holders" + (hash.empty() ? "" : "/" + hash);
}

std::string StoreTemporary(Session& session, const std::string& hash) {
  return ".tmp-" + hash + "-" + session.cluster() + "-" + std::to_string(session.begin->epoch()) +
         "-" + std::to_string(session.begin->start_number()) + "-" +
         std::to_string(session.next_name++);
}

void SweepStore(const Session& session, int store, const std::string& store_dir) {
  for (const auto& name : List(store, store_dir)) {
    if (!IsStoreTemporaryOf(name, session.cluster())) continue;
    RemoveOwnTree(store, name, PathIn(store_dir, name));
  }
}

void RemoveOwnTree(int parent, const std::string& name, const std::string& path) {
  if (unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw SystemFailure("cannot remove", path, errno);
  {
    const Fd dir(openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!dir.ok()) throw SystemFailure("cannot enter", path, errno);
    for (const auto& child : List(dir.get(), path)) {
      RemoveOwnTree(dir.get(), child, PathIn(path, child));
    }
  }
  if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    throw SystemFailure("cannot remove", path, errno);
  }
}

void RemoveRelease(Session& session, int store, const std::string& store_dir,
                   const std::string& hash) {
  const std::string temporary = StoreTemporary(session, hash);
  if (renameat(store, hash.c_str(), store, temporary.c_str()) != 0) {
    if (errno == ENOENT) return;
    throw SystemFailure("cannot remove", store_dir + "/" + hash, errno);
  }
  RemoveOwnTree(store, temporary, store_dir + "/" + temporary);
}

}  // namespace dmgr::far
