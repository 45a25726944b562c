#include "server/host/far/state/borrowed_dirs.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/paths.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/state/shared.h"

namespace dmgr::far {
namespace {

std::string RecordPath(const Context& context) {
  return ParentOf(ClusterRecordPath(context.session.cluster())) + "/borrowed";
}

struct Borrowed {
  FileOwner owner;
  mode_t mode = 0;
  std::string path;
};

// False: it is none, such as one that a kill has cut off.
bool Parse(const std::string& line, Borrowed* borrowed) {
  unsigned user = 0;
  unsigned group = 0;
  unsigned mode = 0;
  int used = 0;
  if (std::sscanf(line.c_str(), "%u %u %o %n", &user, &group, &mode, &used) != 3) return false;
  borrowed->owner = {user, group};
  borrowed->mode = mode & 07777U;
  borrowed->path = line.substr(static_cast<std::size_t>(used));
  return borrowed->path.starts_with("/");
}

}  // namespace

void RecordBorrowed(Context& context, const std::string& path, const struct stat& before) {
  LineFile record(context.tree, RecordPath(context));
  const bool is_known = std::any_of(record.lines().begin(), record.lines().end(), [&](auto& line) {
    Borrowed borrowed;
    return Parse(line, &borrowed) && borrowed.path == path;
  });
  if (is_known) return;
  char numbers[64];
  std::snprintf(numbers, sizeof(numbers), "%u %u %o ", before.st_uid, before.st_gid,
                before.st_mode & 07777U);
  record.Add({numbers + path});
}

void ReturnBorrowed(Context& context) {
  const LineFile record(context.tree, RecordPath(context));
  for (const auto& line : record.lines()) {
    Borrowed borrowed;
    if (!Parse(line, &borrowed)) continue;
    const Walked walked = context.tree.Walk(borrowed.path);
    if (walked.end != Walked::End::kThere) continue;
    const Fd dir = Reopen(walked.dir.get(), borrowed.path);
    if (fchown(dir.get(), borrowed.owner.user, borrowed.owner.group) != 0 ||
        fchmod(dir.get(), borrowed.mode) != 0) {
      throw SystemFailure("cannot give back", borrowed.path, errno);
    }
  }
}

}  // namespace dmgr::far
