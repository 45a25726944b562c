// What clusters share on a host: the account, the release stores. Its records are in
// /var/lib/dmgr/shared and beside the stores; all of it is changed under one lock.
#ifndef DMGR_SERVER_HOST_FAR_STATE_SHARED_H_
#define DMGR_SERVER_HOST_FAR_STATE_SHARED_H_

#include <set>
#include <string>
#include <vector>

#include "server/host/far/base/context.h"
#include "server/host/far/base/fd.h"
#include "server/host/far/system/accounts.h"

namespace dmgr::far {

inline constexpr char kStateDir[] = "/var/lib/dmgr";
inline constexpr char kSharedDir[] = "/var/lib/dmgr/shared";
// In front of a user's name: the directory of the record of the account.
inline constexpr char kAccountPrefix[] = "account-";

// Held until the end of its scope. Throws DEADLINE.
Fd LockShared(Context& context);

std::string SudoersPath(const std::string& user);
std::string SshDirPath(const User& user);
std::string AuthorizedKeysPath(const User& user);
// Directory of the record of an account.
std::string AccountDir(const std::string& user);

// A list of lines in a file that only root can write; what a kill cut off at its end is not in it.
class LineFile {
 public:
  // The directory is made when there is something to add.
  LineFile(const Tree& tree, std::string path);

  bool Has(const std::string& line) const { return lines_.count(line) != 0; }
  const std::set<std::string>& lines() const { return lines_; }
  // Those that are new; on disk when it returns.
  void Add(const std::vector<std::string>& lines);
  // On disk when it returns.
  void Remove(Session& session, const std::string& line);

 private:
  const Tree& tree_;
  const std::string path_;
  std::set<std::string> lines_;
};

// An empty file that says which cluster holds something.
void AddHolder(const std::string& cluster, const Tree& tree, const std::string& dir);
// True when nobody holds it any more.
bool RemoveHolder(const Session& session, const Tree& tree, const std::string& dir);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_SHARED_H_
