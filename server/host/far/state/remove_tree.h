// Removes a cluster's directories: what is the cluster's goes, what is others' stays.
#ifndef DMGR_SERVER_HOST_FAR_STATE_REMOVE_TREE_H_
#define DMGR_SERVER_HOST_FAR_STATE_REMOVE_TREE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/host/far/base/context.h"

namespace dmgr::far {

// The rule. The cluster's is what dmgr wrote for it (by record), what its user owns, and temporary
// files of its far ends; never what another cluster's record names.
struct Ownership {
  std::set<std::string> recorded;
  std::set<std::string> others;
  std::optional<uid_t> user;
  std::string cluster;

  bool IsOurs(const std::string& path, const struct stat& info) const;
};

class TreeRemover {
 public:
  TreeRemover(Context* context, const Ownership* ownership);

  // One file.
  void RemoveFile(const std::string& path);
  // A directory that dmgr made, with what is the cluster's in it; itself when it is empty then, and
  // no mount point. No link is followed, no mount point crossed.
  void RemoveDir(const std::string& path);
  // Paths that stay, at most some hundred of them.
  const std::vector<std::string>& left() const { return left_; }

 private:
  struct Level {
    int parent;
    std::string name;
    std::string path;
    std::string real_path;
    int depth = 0;
  };
  bool Remove(const Level& level);
  bool RemoveDirectory(const Level& level, const struct stat& info);
  bool Leave(const std::string& path);

  Context& context_;
  const Ownership& ownership_;
  const std::set<std::string> mount_points_;
  std::vector<std::string> left_;
};

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_REMOVE_TREE_H_
