#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "server/host/far/actions/actions.h"
#include "server/host/far/actions/host_facts.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/release_check.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/state/unpack.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

Failed NoSpace(const hv1::ReceiveRelease& request, std::uint64_t free) {
  Failed failed(hv1::Failure::KIND_NO_SPACE,
                "no space for the release in " + request.store_dir() + ": it needs " +
                    std::to_string((request.unpacked_bytes() >> 20) + 1) + " MiB, " +
                    std::to_string(free >> 20) + " MiB are free",
                request.store_dir());
  failed.WithError(ENOSPC);
  return failed;
}

// Holds the release for this cluster from now on, so that nobody who leaves the host takes it.
// True when it is there.
bool HoldRelease(Context& context, int store, const hv1::ReceiveRelease& request) {
  const Fd lock = LockShared(context);
  AddHolder(context.session.cluster(), context.tree,
            HoldersDir(request.store_dir(), request.hash()));
  SweepStore(context.session, store, request.store_dir());
  if (HasRelease(store, request.hash())) return true;
  // Not complete: nobody uses it.
  RemoveRelease(context.session, store, request.store_dir(), request.hash());
  return false;
}

bool IsIntact(Context& context, const hv1::ReceiveRelease& request) {
  return CheckRelease(context, request.store_dir(), request.hash()).state() ==
         hv1::ReleaseSeen::STATE_INTACT;
}

// Puts the tree in the place of one that was changed, whose links always find one of them; where
// the kernel or the file system cannot, there is none for a moment.
void Replace(Session& session, int store, const std::string& temporary,
             const hv1::ReceiveRelease& request) {
  const char* hash = request.hash().c_str();
  if (renameat2(store, temporary.c_str(), store, hash, RENAME_EXCHANGE) == 0) {
    return RemoveOwnTree(store, temporary, request.store_dir() + "/" + temporary);
  }
  RemoveRelease(session, store, request.store_dir(), request.hash());
  if (renameat(store, temporary.c_str(), store, hash) != 0) {
    throw SystemFailure("cannot replace", request.store_dir() + "/" + request.hash(), errno);
  }
}

// Gives the unpacked tree its name. replaces: that of one that is there.
void Finish(Session& session, int store, const std::string& temporary,
            const hv1::ReceiveRelease& request, bool replaces) {
  const std::string path = request.store_dir() + "/" + request.hash();
  const Fd dir(openat(store, temporary.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir.ok()) throw SystemFailure("cannot enter", path, errno);
  const Fd marker(openat(dir.get(), kComplete, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!marker.ok()) throw SystemFailure("cannot write", path + "/" + kComplete, errno);
  WriteAll(marker.get(), request.archive_hash() + "\n", path + "/" + kComplete);
  if (fsync(marker.get()) != 0 || fchmod(dir.get(), 0755) != 0 || fsync(dir.get()) != 0) {
    throw SystemFailure("cannot sync", path, errno);
  }
  if (replaces) {
    Replace(session, store, temporary, request);
  } else if (renameat(store, temporary.c_str(), store, request.hash().c_str()) != 0) {
    // Another cluster's far end was faster.
    if ((errno != ENOTEMPTY && errno != EEXIST) || !HasRelease(store, request.hash())) {
      throw SystemFailure("cannot make", path, errno);
    }
    RemoveOwnTree(store, temporary, request.store_dir() + "/" + temporary);
  }
  SyncDir(store, request.store_dir());
}

void Receive(Context& context, int store, const std::string& temporary,
             const hv1::ReceiveRelease& request, bool replaces) {
  const std::string path = request.store_dir() + "/" + temporary;
  if (mkdirat(store, temporary.c_str(), 0700) != 0) {
    throw SystemFailure("cannot make the directory", path, errno);
  }
  const Fd dir(openat(store, temporary.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir.ok()) throw SystemFailure("cannot enter", path, errno);
  context.call.AcceptChunks();
  Unpack(context.call, dir.get(), path,
         {request.compressed_bytes(), request.unpacked_bytes(), request.archive_hash()});
  Finish(context.session, store, temporary, request, replaces);
}

}  // namespace

hv1::QueryReleasesReply DoQueryReleases(Context& context, const hv1::QueryReleases& request) {
  for (const auto& hash : request.hashes()) CheckHash(hash);
  hv1::QueryReleasesReply reply;
  const Walked store = context.tree.Walk(request.store_dir());
  if (store.end != Walked::End::kThere) return reply;
  for (const auto& hash : request.hashes()) {
    if (HasRelease(store.dir.get(), hash)) reply.add_present(hash);
  }
  return reply;
}

bool DoReceiveRelease(Context& context, const hv1::ReceiveRelease& request) {
  CheckHash(request.hash());
  CheckHash(request.archive_hash());
  const Fd store = MakeStore(context.tree, request.store_dir());
  const bool is_there = HoldRelease(context, store.get(), request);
  if (is_there && (!request.checked() || IsIntact(context, request))) return false;
  const std::uint64_t free = FreeBytes(store.get(), request.store_dir());
  if (free < request.unpacked_bytes()) throw NoSpace(request, free);
  const std::string temporary = StoreTemporary(context.session, request.hash());
  try {
    Receive(context, store.get(), temporary, request, /*replaces=*/is_there);
  } catch (const Failed& failed) {
    const std::uint64_t left = FreeBytes(store.get(), request.store_dir());
    RemoveOwnTree(store.get(), temporary, request.store_dir() + "/" + temporary);
    if (failed.message().kind() == hv1::Failure::KIND_NO_SPACE) throw NoSpace(request, left);
    throw;
  }
  return true;
}

}  // namespace dmgr::far
