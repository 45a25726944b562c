#include <map>
#include <set>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/system/accounts.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/selinux.h"

namespace dmgr::far {
namespace {

class Owners {
 public:
  explicit Owners(Context* context) : context_(*context) {}

  const FileOwner& Of(const std::string& user, const std::string& group) {
    const auto key = std::pair(user, group);
    auto owner = owners_.find(key);
    if (owner == owners_.end()) {
      owner = owners_.emplace(key, OwnerOf(context_, user, group)).first;
    }
    return owner->second;
  }

 private:
  Context& context_;
  std::map<std::pair<std::string, std::string>, FileOwner> owners_;
};

}  // namespace

void DoWriteFiles(Context& context, const hv1::WriteFiles& request) {
  std::vector<std::string> paths;
  for (const auto& file : request.files()) {
    CheckPath(file.path());
    paths.push_back(file.path());
  }
  RecordPaths(context, paths);

  Owners owners(&context);
  std::set<std::string> dirs;
  std::vector<std::string> programs;
  for (const auto& file : request.files()) {
    context.call.CheckCancelled();
    const Entry entry = context.tree.OpenEntry(file.path());
    const std::string parent = ParentOf(file.path());
    if (dirs.insert(parent).second) {
      RemoveTemporaries(context.session, entry.dir.get(), parent);
    }
    const mode_t mode = file.mode() & 07777;
    const bool changed = WriteFile(context.session, entry, file.content(), mode,
                                   owners.Of(file.owner(), file.group()));
    if (changed && (mode & 0111) != 0) programs.push_back(file.path());
  }
  for (const auto& dir : dirs) SyncDir(context.tree.OpenDir(dir).get(), dir);
  LabelPrograms(context, programs);
}

}  // namespace dmgr::far
