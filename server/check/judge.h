// What hosts are like, against what DM needs. Pure.
#ifndef DMGR_SERVER_CHECK_JUDGE_H_
#define DMGR_SERVER_CHECK_JUDGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dmgr/host/v1/host.pb.h"
#include "dmgr/v1/check_service.pb.h"
#include "server/topology/topology.h"

namespace dmgr::check {

namespace hv1 = ::dmgr::host::v1;

// The questions whose answers Judge reads.
hv1::ReadSettings SettingsToRead(const topology::Cluster& cluster, const std::string& machine);
hv1::QueryUnits UnitsToQuery();
hv1::ReachPorts PortsToTry(const topology::Cluster& cluster, const std::string& machine);

struct HostSeen {
  std::string machine;
  hv1::Facts facts;
  hv1::ReadSettingsReply settings;
  hv1::UnitStates units;
  hv1::ReachPortsReply ports;
  // Ahead of dmgrd's clock, milliseconds.
  std::int64_t clock_offset_ms = 0;
};

// By host, in the order of `seen`; what an answer lacks is left out. That a host which is not among
// them is not reached says nothing about the way there.
std::vector<v1::HostCheck> Judge(const topology::Cluster& cluster,
                                 const std::vector<HostSeen>& seen);

}  // namespace dmgr::check

#endif  // DMGR_SERVER_CHECK_JUDGE_H_
