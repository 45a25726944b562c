// The plan of other certificates: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_ROTATE_TLS_PLAN_H_
#define DMGR_SERVER_OPERATIONS_ROTATE_TLS_PLAN_H_

#include <cstdint>
#include <vector>

#include "dmgr/plan/v1/rotate_tls.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

inline constexpr char kRecordTls[] = "control.record_tls";
inline constexpr char kRenewTls[] = "host.renew_tls";

struct TlsRotation {
  // One after another, each with turns of its own.
  std::vector<pv1::TlsRound> rounds;
  // Of TurnOptions.
  std::uint32_t max_parallel = 0;
  bool accepts_load_restart = false;
};

// Of a round that is one of several the next one begins when all instances have it: so that what a
// process shows is trusted by all others at any time.
engine::Plan PlanRotateTls(const topology::Cluster& cluster,
                           const std::vector<const topology::Instance*>& instances,
                           const TlsRotation& rotation);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_ROTATE_TLS_PLAN_H_
