// Accounts of a root of its own.
#ifndef DMGR_TESTS_HOST_FAR_ACCOUNT_H_
#define DMGR_TESTS_HOST_FAR_ACCOUNT_H_

#include <string>

#include "tests/host/far_process.h"

namespace dmgr::test {

inline constexpr char kKeyA[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA dmgr-a";
inline constexpr char kKeyB[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB dmgr-b";

// Stand-ins for useradd and the like, which edit the root's own files and append to its file
// "calls".
void AddAccountPrograms(const TempRoot& root);
std::string Calls(const TempRoot& root);
// The request for an account.
hv1::ToHost Ensure(const std::string& user, const std::string& key, bool create = true);

}  // namespace dmgr::test

#endif  // DMGR_TESTS_HOST_FAR_ACCOUNT_H_
