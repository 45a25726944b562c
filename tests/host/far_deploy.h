// A cluster of one instance on a root of its own.
#ifndef DMGR_TESTS_HOST_FAR_DEPLOY_H_
#define DMGR_TESTS_HOST_FAR_DEPLOY_H_

#include <string>

#include "tests/host/far_process.h"

namespace dmgr::test {

inline constexpr char kDeployedUnit[] = "dm-master-8261.service";

// Its account, directories, program and unit; key: of the account's authorized_keys.
void Deploy(FarProcess& far, const std::string& dir, const char* key);
// The requests that remove what Deploy made, and that have the cluster leave the host.
hv1::RemovePaths Paths(const std::string& dir);
hv1::LeaveCluster Leaving(const char* key);

}  // namespace dmgr::test

#endif  // DMGR_TESTS_HOST_FAR_DEPLOY_H_
