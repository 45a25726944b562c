// Removes a cluster's directories: what is the cluster's goes, what is others' stays.
#ifndef DMGR_SERVER_HOST_FAR_STATE_REMOVE_TREE_H_
#define DMGR_SERVER_HOST_FAR_STATE_REMOVE_TREE_H_

#include <sys/stat.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "google/protobuf/repeated_field.h"
#include "server/host/far/base/context.h"
#include "server/host/far/state/ownership.h"

namespace dmgr::far {

using PathNames = google::protobuf::RepeatedPtrField<std::string>;

class TreeRemover {
 public:
  TreeRemover(Context* context, const Ownership* ownership);

  // One file.
  void RemoveFile(const std::string& path);
  // A directory that dmgr made, with what is the cluster's in it; itself when it is empty then, and
  // no mount point. No link is followed, no mount point crossed.
  void RemoveDir(const std::string& path);
  // The same of what is in a directory, which stays.
  void ClearDir(const std::string& path);
  // Paths that stay, at most some hundred of them.
  const std::vector<std::string>& left() const { return left_; }
  // What has gone of directories, and its bytes on the disk.
  std::uint64_t removed_files() const { return removed_files_; }
  std::uint64_t removed_bytes() const { return removed_bytes_; }

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
  // Whether the directory is empty then.
  bool RemoveInside(const Level& level);
  bool Leave(const std::string& path);

  Context& context_;
  const Ownership& ownership_;
  const std::set<std::string> mount_points_;
  std::vector<std::string> left_;
  std::uint64_t removed_files_ = 0;
  std::uint64_t removed_bytes_ = 0;
};

// False: it is not there, or not empty.
bool RemoveEmptyDir(const Tree& tree, const std::string& path);
// Directories on the way to the cluster's that dmgr made, deepest first: those that are empty and
// in no other cluster's record.
void RemoveParents(Context& context, const Ownership& ownership, const PathNames& paths);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_REMOVE_TREE_H_
