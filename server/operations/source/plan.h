// The plans of what is done with sources: pure functions.
#ifndef DMGR_SERVER_OPERATIONS_SOURCE_PLAN_H_
#define DMGR_SERVER_OPERATIONS_SOURCE_PLAN_H_

#include "dmgr/plan/v1/migrations.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// Names of the runners.
inline constexpr char kCreateSource[] = "control.create_source";
inline constexpr char kUpdateSource[] = "control.update_source";
inline constexpr char kStopSource[] = "control.stop_source";
inline constexpr char kForgetSource[] = "control.forget_source";
inline constexpr char kBindSource[] = "control.bind_source";
inline constexpr char kSetRelay[] = "control.set_relay";
inline constexpr char kPurgeRelay[] = "control.purge_relay";
inline constexpr char kAdoptSource[] = "control.adopt_source";

// The configuration is stored with the operation; DM gets it; undone, DM has what it had.
engine::Plan PlanCreateSource(const topology::Cluster& cluster, const pv1::SourceParams& source);
engine::Plan PlanUpdateSource(const topology::Cluster& cluster, const pv1::SourceParams& source);
// DM lets it go, which can be undone; then its configurations are forgotten, which cannot.
engine::Plan PlanDeleteSource(const topology::Cluster& cluster, const pv1::SourceParams& source);
engine::Plan PlanTransferSource(const topology::Cluster& cluster, const pv1::SourceParams& source);
engine::Plan PlanSetRelay(const topology::Cluster& cluster, const pv1::RelayParams& relay);
// Files that are gone do not come back.
engine::Plan PlanPurgeRelay(const topology::Cluster& cluster, const pv1::PurgeRelayParams& purge);
// What DM has is recorded; DM is not told.
engine::Plan PlanAdoptSource(const topology::Cluster& cluster, const pv1::SourceParams& source);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SOURCE_PLAN_H_
