// What a Prometheus scrapes against its recorded configuration. Pure.
#ifndef DMGR_SERVER_VERIFY_TARGETS_H_
#define DMGR_SERVER_VERIFY_TARGETS_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/topology/topology.h"
#include "server/verify/findings.h"

namespace dmgr::verify {

inline constexpr char kTargetsPage[] = "/api/v1/targets?state=active";

// Whether what it answers there has all targets of the configuration, and no other ones.
bool HasItsTargets(const topology::Cluster& cluster, const std::string& page,
                   const std::string& config);

// page: what it answers there, or why nothing. config: its prometheus.yml by the record, by which a
// target counts as wanted: the template is the user's.
void CompareTargets(const topology::Cluster& cluster, const topology::Instance& prometheus,
                    const absl::StatusOr<std::string>& page, const std::string& config,
                    Findings* findings);

}  // namespace dmgr::verify

#endif  // DMGR_SERVER_VERIFY_TARGETS_H_
