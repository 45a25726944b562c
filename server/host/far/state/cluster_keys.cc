#include "server/host/far/state/cluster_keys.h"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "server/host/far/base/paths.h"
#include "server/host/far/state/account_record.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {
namespace {

bool IsKeyOf(const std::string& cluster, std::string_view line) {
  const auto blank = line.rfind(' ');
  const std::string_view comment = line.substr(blank == std::string_view::npos ? 0 : blank + 1);
  return !cluster.empty() && comment.starts_with("dmgr:") && comment.ends_with(":" + cluster);
}

template <typename Goes>
std::string WithoutLines(const std::string& text, Goes goes) {
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (!goes(line)) kept += line + "\n";
    at = end + 1;
  }
  return kept;
}

}  // namespace

bool HasClusterKey(const Context& context, const std::string& text, const std::string& kept) {
  return WithoutLines(text,
                      [&](const std::string& line) {
                        return line != kept && IsKeyOf(context.session.cluster(), line);
                      })
             .size() < WithoutLines(
                           text, [](const std::string&) { return false; })
                           .size();
}

void RemoveClusterKeys(Context& context, const User& user, const LineFile& made,
                       const std::string& also, const std::string& kept) {
  if (user.home.empty() || user.home[0] != '/') return;
  const auto keys = OpenAuthorizedKeys(context.tree, user);
  const auto info = keys.has_value() ? keys->Stat() : std::nullopt;
  if (!info.has_value()) return;
  bool found = false;
  const std::string left =
      WithoutLines(ReadFile(*keys, kMaxKeys).value_or(""), [&](const std::string& line) {
        if (line.empty() || line == kept) return false;
        const bool goes = line == also || IsKeyOf(context.session.cluster(), line);
        found = found || goes;
        return goes;
      });
  if (left.empty() && made.Has(kMadeKeys)) {
    RemoveFile(*keys);
  } else if (found) {
    WriteFile(context.session, *keys, left, info->st_mode & 0777, {info->st_uid, info->st_gid});
  }
  RemoveTemporaries(context.session, keys->dir.get(), ParentOf(keys->path));
  SyncDir(keys->dir.get(), ParentOf(keys->path));
}

}  // namespace dmgr::far
