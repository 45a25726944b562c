#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <optional>
#include <set>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/release_check.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/state/shared.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/selinux.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kCopyBytes = 8U << 20;

bool CannotLink(int error_number) {
  return error_number == EXDEV || error_number == EMLINK || error_number == EPERM ||
         error_number == EOPNOTSUPP || error_number == ENOSYS;
}

// Copies carry the time of what they are copies of.
bool IsCopy(const struct stat& there, const struct stat& source) {
  return S_ISREG(there.st_mode) && there.st_uid == source.st_uid &&
         there.st_size == source.st_size && (there.st_mode & 07777) == (source.st_mode & 07777) &&
         there.st_mtim.tv_sec == source.st_mtim.tv_sec &&
         there.st_mtim.tv_nsec == source.st_mtim.tv_nsec;
}

// Whether a file is the release's own, or a copy of it.
bool IsPlacedFile(const std::optional<struct stat>& there, const struct stat& source) {
  return there.has_value() && ((there->st_dev == source.st_dev && there->st_ino == source.st_ino) ||
                               IsCopy(*there, source));
}

bool IsPlacedLink(const Entry& entry, const std::string& to) {
  char now[PATH_MAX];
  const ssize_t size = readlinkat(entry.dir.get(), entry.name.c_str(), now, sizeof(now));
  return size > 0 && to == std::string(now, static_cast<std::size_t>(size));
}

bool HasContent(Context& context, const std::string& store_dir, const hv1::Placement& placement) {
  hv1::SurveyPlaced asked;
  asked.set_store_dir(store_dir);
  *asked.mutable_placement() = placement;
  return CheckPlaced(context, asked).state() == hv1::PlacedSeen::STATE_SAME;
}

class Placer {
 public:
  Placer(Context* context, const hv1::PlaceReleases& request)
      : context_(*context),
        store_dir_(request.store_dir()),
        by_content_(request.by_content()),
        store_(context->tree.OpenDir(store_dir_)) {}

  // False when it was there.
  bool Place(const hv1::Placement& placement);
  void Hold(const std::set<std::string>& hashes);

 private:
  bool PlaceFile(const std::string& source, const struct stat& info, const Entry& target);
  bool PlaceLink(const std::string& source, const Entry& target);
  void Copy(const std::string& source, const struct stat& info, const Entry& target,
            const std::string& temporary);
  void Switch(const std::string& temporary, const Entry& target);

  Context& context_;
  const std::string& store_dir_;
  const bool by_content_;
  const Fd store_;
};

void Placer::Hold(const std::set<std::string>& hashes) {
  const Fd lock = LockShared(context_);
  for (const auto& hash : hashes) {
    if (!HasRelease(store_.get(), hash)) {
      throw Failed(hv1::Failure::KIND_NOT_FOUND, store_dir_ + " has no complete release " + hash,
                   store_dir_ + "/" + hash);
    }
    AddHolder(context_.session.cluster(), context_.tree, HoldersDir(store_dir_, hash));
  }
}

bool Placer::Place(const hv1::Placement& placement) {
  if (by_content_ && HasContent(context_, store_dir_, placement)) return false;
  const std::string source = placement.hash() + "/" + placement.source();
  struct stat info = {};
  if (fstatat(store_.get(), source.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    throw SystemFailure("cannot look at", store_dir_ + "/" + source, errno);
  }
  const Entry target = context_.tree.OpenEntry(placement.target());
  if (S_ISREG(info.st_mode)) return PlaceFile(source, info, target);
  if (S_ISDIR(info.st_mode)) return PlaceLink(source, target);
  throw BadRequest("neither a file nor a directory of the release", store_dir_ + "/" + source);
}

bool Placer::PlaceFile(const std::string& source, const struct stat& info, const Entry& target) {
  const auto there = target.Stat();
  if (there.has_value() && S_ISDIR(there->st_mode)) {
    throw Conflict("a directory is in the way of the file " + target.path, target.path);
  }
  if (!by_content_ && IsPlacedFile(there, info)) return false;
  const std::string temporary = TemporaryName(context_.session);
  if (linkat(store_.get(), source.c_str(), target.dir.get(), temporary.c_str(), 0) != 0) {
    if (!CannotLink(errno)) throw SystemFailure("cannot link", target.path, errno);
    Copy(source, info, target, temporary);
  }
  Switch(temporary, target);
  return true;
}

bool Placer::PlaceLink(const std::string& source, const Entry& target) {
  const std::string to = store_dir_ + "/" + source;
  if (IsPlacedLink(target, to)) return false;
  const auto there = target.Stat();
  if (there.has_value() && S_ISDIR(there->st_mode)) {
    throw Conflict("a directory is in the way of the link " + target.path, target.path);
  }
  const std::string temporary = TemporaryName(context_.session);
  if (symlinkat(to.c_str(), target.dir.get(), temporary.c_str()) != 0) {
    throw SystemFailure("cannot link", target.path, errno);
  }
  Switch(temporary, target);
  return true;
}

void Placer::Copy(const std::string& source, const struct stat& info, const Entry& target,
                  const std::string& temporary) {
  const Fd in(openat(store_.get(), source.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!in.ok()) throw SystemFailure("cannot read", store_dir_ + "/" + source, errno);
  const Fd out(openat(target.dir.get(), temporary.c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out.ok()) throw SystemFailure("cannot write", target.path, errno);
  try {
    while (true) {
      context_.call.CheckCancelled();
      const ssize_t copied = sendfile(out.get(), in.get(), nullptr, kCopyBytes);
      if (copied < 0 && errno == EINTR) continue;
      if (copied < 0) throw SystemFailure("cannot write", target.path, errno);
      if (copied == 0) break;
    }
    const timespec times[2] = {info.st_mtim, info.st_mtim};
    if (fchmod(out.get(), info.st_mode & 07777) != 0 || futimens(out.get(), times) != 0 ||
        fsync(out.get()) != 0) {
      throw SystemFailure("cannot sync", target.path, errno);
    }
  } catch (const Failed&) {
    unlinkat(target.dir.get(), temporary.c_str(), 0);
    throw;
  }
}

void Placer::Switch(const std::string& temporary, const Entry& target) {
  if (renameat(target.dir.get(), temporary.c_str(), target.dir.get(), target.name.c_str()) == 0) {
    return;
  }
  const int error_number = errno;
  unlinkat(target.dir.get(), temporary.c_str(), 0);
  throw SystemFailure("cannot replace", target.path, error_number);
}

// Of a release that is not there nothing is.
bool IsPlaced(const Tree& tree, const std::string& store_dir, const hv1::Placement& placement) {
  const std::string path = store_dir + "/" + placement.hash() + "/" + placement.source();
  const auto source = tree.FindEntry(path);
  const auto target = tree.FindEntry(placement.target());
  if (!source.has_value() || !target.has_value()) return false;
  const auto info = source->Stat();
  if (!info.has_value()) return false;
  return S_ISDIR(info->st_mode) ? IsPlacedLink(*target, path) : IsPlacedFile(target->Stat(), *info);
}

}  // namespace

hv1::QueryPlacementsReply DoQueryPlacements(Context& context, const hv1::PlaceReleases& request) {
  CheckPath(request.store_dir());
  hv1::QueryPlacementsReply reply;
  for (const auto& placement : request.placements()) {
    CheckHash(placement.hash());
    CheckPath("/" + placement.source());
    CheckPath(placement.target());
    const bool placed = request.by_content()
                            ? HasContent(context, request.store_dir(), placement)
                            : IsPlaced(context.tree, request.store_dir(), placement);
    if (!placed) {
      reply.add_differing(placement.target());
    }
  }
  return reply;
}

void DoPlaceReleases(Context& context, const hv1::PlaceReleases& request) {
  std::vector<std::string> targets;
  std::set<std::string> hashes;
  for (const auto& placement : request.placements()) {
    CheckHash(placement.hash());
    CheckPath("/" + placement.source());
    CheckPath(placement.target());
    targets.push_back(placement.target());
    hashes.insert(placement.hash());
  }
  if (targets.empty()) return;
  Placer placer(&context, request);
  placer.Hold(hashes);
  RecordPaths(context, targets);

  std::set<std::string> dirs;
  std::vector<std::string> placed;
  for (const auto& placement : request.placements()) {
    context.call.CheckCancelled();
    const std::string parent = ParentOf(placement.target());
    if (dirs.insert(parent).second) {
      RemoveTemporaries(context.session, context.tree.OpenDir(parent).get(), parent);
    }
    if (placer.Place(placement)) placed.push_back(placement.target());
  }
  for (const auto& dir : dirs) SyncDir(context.tree.OpenDir(dir).get(), dir);
  LabelPrograms(context, placed);
}

}  // namespace dmgr::far
