#include <fcntl.h>
#include <sys/stat.h>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

// Below the limit of a frame.
constexpr std::size_t kMaxBytes = std::size_t{8} << 20;

}  // namespace

hv1::ReadFilesReply DoReadFiles(Context& context, const hv1::ReadFiles& request) {
  hv1::ReadFilesReply reply;
  std::size_t left = kMaxBytes;
  for (const auto& path : request.paths()) {
    context.call.CheckCancelled();
    CheckPath(path);
    const auto entry = context.tree.FindEntry(path);
    if (!entry.has_value()) continue;
    struct stat info = {};
    if (fstatat(entry->dir.get(), entry->name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    auto content = ReadFile(*entry, left);
    if (!content.has_value()) continue;
    left -= content->size();
    auto* file = reply.add_files();
    file->set_path(path);
    file->set_mode(info.st_mode & 07777);
    file->set_content(*std::move(content));
  }
  return reply;
}

}  // namespace dmgr::far
