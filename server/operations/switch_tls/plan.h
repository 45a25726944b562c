// The plan by which a cluster begins to speak TLS, or ceases to: a pure function.
#ifndef DMGR_SERVER_OPERATIONS_SWITCH_TLS_PLAN_H_
#define DMGR_SERVER_OPERATIONS_SWITCH_TLS_PLAN_H_

#include <string>
#include <vector>

#include "dmgr/plan/v1/rotate_tls.pb.h"
#include "server/clusters/host_before.h"
#include "server/clusters/path_needs.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

inline constexpr char kLookAside[] = "host.look_aside";
inline constexpr char kSetDataAside[] = "host.set_data_aside";
inline constexpr char kDropAside[] = "host.drop_aside";
inline constexpr char kSwitchFiles[] = "host.switch_tls";
inline constexpr char kSwitchMonitoring[] = "host.switch_monitoring";
inline constexpr char kRecordSwitch[] = "control.switch_tls";
inline constexpr char kStartAnew[] = "host.start_anew";

// The folder of an instance's certificates.
std::string TlsDir(const topology::Instance& instance);

// What the host of instances must be like. own: what dmgr has made there, by the cluster's record
// of it, as in an enable that was given up. on: TLS begins.
clusters::PathNeeds NeedsOfSwitch(const std::vector<const topology::Instance*>& instances,
                                  const clusters::HostBefore& own, bool on);

// etcd keeps its members' addresses with what they speak, so that they cannot change one by one:
// dm-workers stop, what the dm-masters keep is copied, and they begin anew together with empty data
// and the other files. Their old data stays until all is at work: by then all can be undone.
// instances: those that have a certificate with TLS.
engine::Plan PlanSwitchTls(const topology::Cluster& cluster,
                           const std::vector<const topology::Instance*>& instances,
                           const pv1::TlsRound& round);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SWITCH_TLS_PLAN_H_
