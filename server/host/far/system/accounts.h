// Users and groups. A static program must not use getpwnam and its friends: the host's files are
// read here, and getent is asked for what comes from elsewhere (LDAP, ...).
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_ACCOUNTS_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_ACCOUNTS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "server/host/far/base/context.h"
#include "server/host/far/system/files.h"

namespace dmgr::far {

struct User {
  std::string name;
  uid_t id = 0;
  gid_t group = 0;
  std::string home;
};

std::optional<User> FindUser(Context& context, const std::string& name);
std::optional<gid_t> FindGroup(Context& context, const std::string& name);
// It is the user's own group, or lists the user.
bool IsMember(Context& context, const User& user, const std::string& group);
// Those that /etc/group says that it is a member of, beside its own.
std::vector<gid_t> GroupsOf(const Tree& tree, const std::string& user);
// Throws NOT_FOUND.
User GetUser(Context& context, const std::string& name);
// Throws NOT_FOUND. An empty group is the user's own.
FileOwner OwnerOf(Context& context, const std::string& user, const std::string& group);
// Or the number, when it has no name in /etc/passwd.
std::string UserName(const Tree& tree, uid_t id);
std::string GroupName(const Tree& tree, gid_t id);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_ACCOUNTS_H_
