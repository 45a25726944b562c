// Touching files with the rights of a user: then the kernel itself sees to it that no path, however
// it is made and wherever its links lead, reaches what the user could not.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_FILE_RIGHTS_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_FILE_RIGHTS_H_

#include <sys/types.h>

#include <vector>

#include "server/host/far/system/accounts.h"

namespace dmgr::far {

// As long as it lives, files are opened, made and renamed by this thread as by the user; other
// threads keep the rights that they have. Without effect for a far end that is not root.
class FileRights {
 public:
  // Throws SYSTEM.
  FileRights(const Tree& tree, const User& user);
  ~FileRights();
  FileRights(const FileRights&) = delete;
  FileRights& operator=(const FileRights&) = delete;

 private:
  std::vector<gid_t> groups_;
  bool changed_ = false;
};

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_FILE_RIGHTS_H_
