#include "server/host/far/system/file_rights.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "server/host/far/base/failure.h"

namespace dmgr::far {
namespace {

// The C library would change all threads: these are of this one.
bool SetGroups(const std::vector<gid_t>& groups) {
  return syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

// They say which one was before, also when nothing was changed.
bool SetUser(uid_t user) {
  syscall(SYS_setfsuid, user);
  return static_cast<uid_t>(syscall(SYS_setfsuid, -1)) == user;
}
bool SetGroup(gid_t group) {
  syscall(SYS_setfsgid, group);
  return static_cast<gid_t>(syscall(SYS_setfsgid, -1)) == group;
}

}  // namespace

FileRights::FileRights(const Tree& tree, const User& user) {
  if (geteuid() != 0) return;
  const int count = getgroups(0, nullptr);
  groups_.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  if (!groups_.empty() && getgroups(count, groups_.data()) != count) {
    throw SystemFailure("cannot see the groups of", "root", errno);
  }
  changed_ = true;
  // The user last: from then on nothing of this is allowed.
  if (!SetGroups(GroupsOf(tree, user.name)) || !SetGroup(user.group) || !SetUser(user.id)) {
    throw SystemFailure("cannot take the rights of", user.name, errno);
  }
}

FileRights::~FileRights() {
  if (!changed_) return;
  // A thread with the wrong rights must not go on.
  if (!SetUser(0) || !SetGroup(0) || !SetGroups(groups_)) std::abort();
}

}  // namespace dmgr::far
