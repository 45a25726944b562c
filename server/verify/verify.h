// A cluster as it is, against its record.
#ifndef DMGR_SERVER_VERIFY_VERIFY_H_
#define DMGR_SERVER_VERIFY_VERIFY_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/v1/check_service.pb.h"
#include "server/resources/resources.h"
#include "server/store/cluster_store.h"
#include "server/verify/expected.h"

namespace dmgr::verify {

// One machine of a cluster, for who asks its far end himself.
class HostLook {
 public:
  // record: the members only, with its options opened; it outlives this.
  static absl::StatusOr<HostLook> Make(const Resources& resources,
                                       const store::ClusterRecord& record,
                                       const std::string& machine);

  hv1::Survey Question() const { return SurveyFor(expected_); }
  // answer: to the question. INTERNAL with reason HOST_ANSWER_ODD when it is none.
  absl::StatusOr<std::vector<v1::Difference>> Compare(const hv1::SurveyReply& answer) const;
  // Of a Prometheus on the machine; page: of kTargetsPage, or why there is none.
  std::vector<v1::Difference> CompareTargetsOf(const topology::Instance& prometheus,
                                               const absl::StatusOr<std::string>& page) const;

 private:
  const store::ClusterRecord* record_ = nullptr;
  ExpectedHost expected_;
  std::map<std::string, render::RenderedInstance> rendered_;
};

// Looks at all hosts, DM and the monitoring at once, and changes nothing. What does not answer is a
// difference itself. record: with its options opened.
absl::StatusOr<std::vector<v1::Difference>> DifferencesOf(const Resources& resources,
                                                          const store::ClusterRecord& record);

// The same as the answer of the call. NOT_FOUND; FAILED_PRECONDITION, CLUSTER_NOT_DEPLOYED, while
// its hosts do not have all of it.
absl::StatusOr<v1::VerifyClusterResponse> VerifyCluster(const Resources& resources,
                                                        const std::string& cluster_name);

}  // namespace dmgr::verify

#endif  // DMGR_SERVER_VERIFY_VERIFY_H_
