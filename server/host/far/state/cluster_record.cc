#include "server/host/far/state/cluster_record.h"

#include <algorithm>

#include "server/host/far/state/shared.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxRecord = std::size_t{16} << 20;

}  // namespace

std::string ClusterRecordPath(const std::string& cluster) {
  return std::string(kClustersDir) + "/" + cluster + "/files";
}

void RecordPaths(Context& context, const std::vector<std::string>& paths) {
  LineFile(context.tree, ClusterRecordPath(context.session.cluster())).Add(paths);
}

void ForgetLines(Context& context, const std::string& file,
                 const std::function<bool(const std::string& line)>& gone) {
  const auto entry = context.tree.FindEntry(file);
  if (!entry.has_value()) return;
  const std::string text = ReadFile(*entry, kMaxRecord).value_or("");
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (line.empty() || !gone(line)) kept += line + "\n";
    at = end + 1;
  }
  while (kept.ends_with("\n\n")) kept.pop_back();
  if (kept != text) WriteFile(context.session, *entry, kept, 0600, context.tree.root());
}

void ForgetPaths(Context& context, const std::function<bool(const std::string& path)>& gone) {
  ForgetLines(context, ClusterRecordPath(context.session.cluster()), gone);
}

}  // namespace dmgr::far
