#ifndef DMGR_TESTS_SUPPORT_HOST_TREE_H_
#define DMGR_TESTS_SUPPORT_HOST_TREE_H_

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace dmgr::testing {

/// What lies on a host: by path type, mode, owner, and what is in it (a link's target, a hash of a
/// small file, the size of a big one). UUIDs, SSH keys, and keys and certificates of TLS count as
/// equal to one another, so that two clusters can be compared.
using HostTree = std::map<std::string, std::string>;

/// Reads the tree below `root` without what a running Debian changes by itself (logs, /run, ...)
/// and without the far end's own state below /var/lib/dmgr. `skip` leaves out more.
HostTree ReadHostTree(const std::filesystem::path& root,
                      const std::function<bool(const std::string& path)>& skip = {});

/// A line for each path that differs, `max_lines` of them and how many more there are; empty when
/// none does.
std::string Difference(const HostTree& before, const HostTree& after, std::size_t max_lines = 20);

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_HOST_TREE_H_
