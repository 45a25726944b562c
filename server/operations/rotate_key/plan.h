// The plan of a new key: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_ROTATE_KEY_PLAN_H_
#define DMGR_SERVER_OPERATIONS_ROTATE_KEY_PLAN_H_

#include "dmgr/plan/v1/rotate_key.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

inline constexpr char kAddKey[] = "host.add_key";
inline constexpr char kRecordKey[] = "control.record_key";
inline constexpr char kDropKeys[] = "host.drop_keys";

// Every host has both keys while the record changes. The old one goes last, and for good. cluster:
// without what is on hosts that are left out.
engine::Plan PlanRotateKey(const topology::Cluster& cluster, const pv1::RotateKeyParams& keys);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_ROTATE_KEY_PLAN_H_
