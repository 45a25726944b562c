#include "server/host/far/state/release_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <map>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/hash.h"

namespace dmgr::far {
namespace {

constexpr int kMaxSuspects = 10;

bool IsNewer(const timespec& one, const timespec& other) {
  return one.tv_sec != other.tv_sec ? one.tv_sec > other.tv_sec : one.tv_nsec > other.tv_nsec;
}

std::string LinkTarget(int dir, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t size = readlinkat(dir, name.c_str(), target, sizeof(target));
  return size <= 0 ? std::string() : std::string(target, static_cast<std::size_t>(size));
}

// Writes the manifest of what is there, as a release's hash is made of it: a line for each entry,
// sorted by path.
class ManifestWriter {
 public:
  ManifestWriter(Context* context, timespec complete_since, hv1::ReleaseSeen* seen)
      : context_(*context), complete_since_(complete_since), seen_(*seen) {}

  // dir is the release's; O_PATH.
  std::string Write(int dir) {
    AddDir(dir, "");
    Hasher hasher;
    for (const auto& [path, line] : lines_) hasher.Add(line.data(), line.size());
    return hasher.Finish();
  }

 private:
  void AddDir(int dir, const std::string& prefix) {
    for (const auto& name : List(dir, prefix)) {
      context_.call.CheckCancelled();
      if (prefix.empty() && name == kComplete) continue;
      struct stat info = {};
      if (fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        throw SystemFailure("cannot look at", prefix + name, errno);
      }
      const std::string path = prefix + name;
      Suspect(info, path);
      lines_[path] = LineOf(dir, name, path, info);
      if (!S_ISDIR(info.st_mode)) continue;
      const Fd child(openat(dir, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!child.ok()) throw SystemFailure("cannot enter", path, errno);
      AddDir(child.get(), path + "/");
    }
  }

  std::string LineOf(int dir, const std::string& name, const std::string& path,
                     const struct stat& info) {
    if (S_ISLNK(info.st_mode)) return "l - - " + LinkTarget(dir, name) + " " + path + "\n";
    char mode[8];
    std::snprintf(mode, sizeof(mode), "%04o", static_cast<unsigned>(info.st_mode & 07777));
    if (S_ISDIR(info.st_mode)) return std::string("d ") + mode + " - - " + path + "\n";
    const Fd fd(openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!S_ISREG(info.st_mode) || !fd.ok()) return "? " + path + "\n";
    return std::string("f ") + mode + " " + std::to_string(info.st_size) + " " +
           HashOf(context_.call, fd.get(), path) + " " + path + "\n";
  }

  void Suspect(const struct stat& info, const std::string& path) {
    const bool is_suspect =
        IsNewer(info.st_mtim, complete_since_) || info.st_uid != context_.tree.root().user;
    if (is_suspect && seen_.suspects_size() < kMaxSuspects) seen_.add_suspects(CleanText(path));
  }

  Context& context_;
  const timespec complete_since_;
  hv1::ReleaseSeen& seen_;
  std::map<std::string, std::string> lines_;
};

std::string HashOfEntry(Context& context, const Entry& entry) {
  const Fd fd = OpenLinked(entry);
  return fd.ok() ? HashOf(context.call, fd.get(), entry.path) : std::string();
}

std::string WordOf(const struct stat& info) {
  switch (TypeOf(info)) {
    case hv1::PathState::TYPE_DIRECTORY:
      return "a directory";
    case hv1::PathState::TYPE_FILE:
      return "another file";
    case hv1::PathState::TYPE_SYMLINK:
      return "another link";
    default:
      return "something that is no file";
  }
}

// A hard link to the release's file, or where links cannot be made a copy.
bool IsPlacedFile(Context& context, const Entry& source, const struct stat& source_info,
                  const Entry& target, const struct stat& there) {
  if (there.st_dev == source_info.st_dev && there.st_ino == source_info.st_ino) return true;
  if (!S_ISREG(there.st_mode) || there.st_uid != source_info.st_uid ||
      (there.st_mode & 07777) != (source_info.st_mode & 07777) ||
      there.st_size != source_info.st_size) {
    return false;
  }
  return HashOfEntry(context, source) == HashOfEntry(context, target);
}

}  // namespace

std::optional<Entry> FindQuietly(const Tree& tree, const std::string& path) {
  try {
    return tree.FindEntry(path);
  } catch (const Failed&) {
    return std::nullopt;
  }
}

hv1::ReleaseSeen CheckRelease(Context& context, const std::string& store_dir,
                              const std::string& hash) {
  CheckHash(hash);
  hv1::ReleaseSeen seen;
  seen.set_state(hv1::ReleaseSeen::STATE_ABSENT);
  const Walked store = context.tree.Walk(store_dir);
  if (store.end != Walked::End::kThere || !HasRelease(store.dir.get(), hash)) return seen;
  const Fd dir(
      openat(store.dir.get(), hash.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat marker = {};
  if (!dir.ok() || fstatat(dir.get(), kComplete, &marker, AT_SYMLINK_NOFOLLOW) != 0) return seen;
  const bool intact = ManifestWriter(&context, marker.st_mtim, &seen).Write(dir.get()) == hash;
  seen.set_state(intact ? hv1::ReleaseSeen::STATE_INTACT : hv1::ReleaseSeen::STATE_CHANGED);
  return seen;
}

hv1::PlacedSeen CheckPlaced(Context& context, const hv1::SurveyPlaced& asked) {
  const hv1::Placement& placement = asked.placement();
  CheckHash(placement.hash());
  hv1::PlacedSeen seen;
  seen.set_state(hv1::PlacedSeen::STATE_ABSENT);
  const auto target = FindQuietly(context.tree, placement.target());
  const auto there = target.has_value() ? target->Stat() : std::nullopt;
  if (!there.has_value()) return seen;
  const std::string source_path =
      asked.store_dir() + "/" + placement.hash() + "/" + placement.source();
  const auto source = FindQuietly(context.tree, source_path);
  const auto info = source.has_value() ? source->Stat() : std::nullopt;
  bool same = false;
  if (!info.has_value()) {
    seen.set_state(hv1::PlacedSeen::STATE_UNKNOWN);
    return seen;
  }
  if (S_ISDIR(info->st_mode)) {
    same = S_ISLNK(there->st_mode) && LinkTarget(target->dir.get(), target->name) == source_path;
  } else {
    same = IsPlacedFile(context, *source, *info, *target, *there);
  }
  seen.set_state(same ? hv1::PlacedSeen::STATE_SAME : hv1::PlacedSeen::STATE_OTHER);
  if (!same) seen.set_found(WordOf(*there));
  return seen;
}

}  // namespace dmgr::far
