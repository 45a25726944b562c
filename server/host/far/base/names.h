// Names in requests. All throw BAD_REQUEST.
#ifndef DMGR_SERVER_HOST_FAR_BASE_NAMES_H_
#define DMGR_SERVER_HOST_FAR_BASE_NAMES_H_

#include <string>

namespace dmgr::far {

// 8-4-4-4-12 lower case hex digits.
void CheckUuid(const std::string& uuid);
// 64 lower case hex digits.
bool IsHash(const std::string& hash);
void CheckHash(const std::string& hash);
// With its suffix.
void CheckUnit(const std::string& unit);
// Of a user or a group, as useradd takes it.
void CheckAccountName(const std::string& name);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_BASE_NAMES_H_
