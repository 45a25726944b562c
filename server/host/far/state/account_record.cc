#include "server/host/far/state/account_record.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "server/host/far/base/failure.h"
#include "server/host/far/state/shared.h"

namespace dmgr::far {

bool HasHome(const Tree& tree, const User& user) {
  if (user.home.empty() || user.home == "/") return false;
  try {
    return tree.Walk(user.home).end == Walked::End::kThere;
  } catch (const Failed&) {
    return false;  // Not a plain path.
  }
}

std::optional<Entry> OpenAuthorizedKeys(const Tree& tree, const User& user) {
  auto entry = tree.FindEntry(AuthorizedKeysPath(user));
  if (!entry.has_value()) return std::nullopt;
  const auto info = entry->Stat();
  if (!info.has_value()) return entry;
  const bool usual = S_ISREG(info->st_mode) && info->st_nlink == 1 &&
                     (info->st_uid == user.id || info->st_uid == tree.root().user);
  if (!usual) {
    throw Conflict(entry->path + " is not a plain file of " + user.name, entry->path);
  }
  return entry;
}

bool HasMadeGroup(const Tree& tree, const std::string& group) {
  const Walked shared = tree.Walk(kSharedDir);
  if (shared.end != Walked::End::kThere) return false;
  const std::vector<std::string> names = List(shared.dir.get(), kSharedDir);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name.starts_with(kAccountPrefix) &&
           LineFile(tree, PathIn(kSharedDir, name) + "/made").Has(kMadeGroup + group);
  });
}

bool HasLine(std::string_view text, std::string_view line) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (text.substr(at, end - at) == line) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace dmgr::far
