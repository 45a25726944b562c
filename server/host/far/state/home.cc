#include "server/host/far/state/home.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstddef>
#include <optional>

#include "server/host/far/base/failure.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

constexpr char kSkeleton[] = "/etc/skel";
constexpr std::size_t kMaxOthers = 20;
constexpr std::size_t kMaxFile = std::size_t{1} << 20;

bool IsSameFile(const Entry& file, const struct stat& info, const Entry& model,
                const struct stat& model_info) {
  if (info.st_size != model_info.st_size || info.st_size > static_cast<off_t>(kMaxFile)) {
    return false;
  }
  return ReadFile(file, kMaxFile) == ReadFile(model, kMaxFile);
}

void AddOthers(Context& context, int dir, const std::string& path, const std::string& skeleton,
               std::vector<std::string>* others) {
  for (const auto& name : List(dir, path)) {
    context.call.CheckCancelled();
    if (others->size() >= kMaxOthers) return;
    const Entry entry{Fd(fcntl(dir, F_DUPFD_CLOEXEC, 3)), name, PathIn(path, name)};
    const auto info = entry.Stat();
    if (!info.has_value()) continue;
    const auto model = context.tree.FindEntry(PathIn(skeleton, name));
    const auto model_info = model.has_value() ? model->Stat() : std::nullopt;
    const bool is_same_kind =
        model_info.has_value() && (model_info->st_mode & S_IFMT) == (info->st_mode & S_IFMT);
    if (is_same_kind && S_ISDIR(info->st_mode)) {
      const Fd next(openat(dir, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next.ok()) throw SystemFailure("cannot enter", entry.path, errno);
      AddOthers(context, next.get(), entry.path, model->path, others);
      continue;
    }
    const bool is_same =
        is_same_kind && S_ISREG(info->st_mode) && IsSameFile(entry, *info, *model, *model_info);
    if (!is_same) others->push_back(CleanText(entry.path));
  }
}

}  // namespace

std::vector<std::string> OthersInHome(Context& context, const std::string& home) {
  std::vector<std::string> others;
  const auto entry = context.tree.FindEntry(home);
  const auto info = entry.has_value() ? entry->Stat() : std::nullopt;
  if (!info.has_value()) return others;
  if (!S_ISDIR(info->st_mode)) return {CleanText(home)};
  const Fd dir(
      openat(entry->dir.get(), entry->name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir.ok()) throw SystemFailure("cannot enter", home, errno);
  AddOthers(context, dir.get(), home, kSkeleton, &others);
  return others;
}

}  // namespace dmgr::far
