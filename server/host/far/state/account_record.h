// What dmgr made of an account, and its authorized_keys. The record is written before the change:
// after a kill between the two it tells that dmgr made what is there.
#ifndef DMGR_SERVER_HOST_FAR_STATE_ACCOUNT_RECORD_H_
#define DMGR_SERVER_HOST_FAR_STATE_ACCOUNT_RECORD_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "server/host/far/base/paths.h"
#include "server/host/far/system/accounts.h"

namespace dmgr::far {

// The longest authorized_keys that is read, in bytes.
inline constexpr std::size_t kMaxKeys = 4U << 20;

// Lines of the record.
inline const std::string kMadeUser = "user";
inline const std::string kMadeGroup = "group ";     // And its name.
inline const std::string kMadeHome = "home ";       // And its path.
inline const std::string kMadeSudoers = "sudoers";  // By earlier versions.
inline const std::string kMadeSshDir = "ssh_dir";
inline const std::string kMadeKeys = "authorized_keys";

// Whether the user's home is a directory that can be entered.
bool HasHome(const Tree& tree, const User& user);

// nullopt when there is no ~/.ssh. CONFLICT when it is something that a user could have put there
// to have others' files read or written. The file itself may be absent.
std::optional<Entry> OpenAuthorizedKeys(const Tree& tree, const User& user);

// Whether dmgr made the group, for whichever account.
bool HasMadeGroup(const Tree& tree, const std::string& group);

bool HasLine(std::string_view text, std::string_view line);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_ACCOUNT_RECORD_H_
