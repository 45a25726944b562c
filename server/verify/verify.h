// A cluster as it is, against its record.
#ifndef DMGR_SERVER_VERIFY_VERIFY_H_
#define DMGR_SERVER_VERIFY_VERIFY_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/check_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"

namespace dmgr::verify {

// Looks at all hosts, DM and the monitoring at once, and changes nothing. What does not answer is a
// difference itself. record: with its options opened, and all of its instances. without: machines
// that are not looked at.
absl::StatusOr<std::vector<v1::Difference>> DifferencesOf(
    const Resources& resources, const store::ClusterRecord& record,
    const std::set<std::string>& without = {});

// The same as the answer of the call. NOT_FOUND; FAILED_PRECONDITION, CLUSTER_NOT_DEPLOYED, while
// its hosts do not have all of it.
absl::StatusOr<v1::VerifyClusterResponse> VerifyCluster(const Resources& resources,
                                                        const std::string& cluster_name);

}  // namespace dmgr::verify

#endif  // DMGR_SERVER_VERIFY_VERIFY_H_
