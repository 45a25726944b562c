// Asking running instances how they are, over HTTP.
#ifndef DMGR_SERVER_MEMBERS_PROBE_H_
#define DMGR_SERVER_MEMBERS_PROBE_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/thread_pool.h"
#include "server/dm/client.h"
#include "server/dm/tls.h"
#include "server/topology/topology.h"

namespace dmgr::members {

// "host:port" by which dmgrd reaches an instance.
std::string AddressOf(const topology::Instance& instance);

// The dm-masters that are members.
std::vector<const topology::Instance*> JoinedMasters(const topology::Cluster& cluster);

// Their addresses.
std::vector<std::string> MasterAddresses(const topology::Cluster& cluster);

// The member list, from whichever dm-master answers first. All are asked at once: with a dead
// master each answer takes a second, since the leader tries to reach it, and without a quorum none
// comes.
absl::StatusOr<dm::Members> GetMembers(ThreadPool* threads, const topology::Cluster& cluster,
                                       absl::Time deadline, const dm::Cancelled& cancelled,
                                       const dm::TlsMaterial& tls = {});

struct HttpHealth {
  bool ready = false;
  // Why it is not ready, in words.
  std::string reason;
  // It answers, and says that it is not to be asked this, or not here (401, 403, 404).
  bool is_refused = false;
  // As the process says; empty when it does not answer.
  std::string version;
};

// What the instance answers on its own port. For DM this says only that a process is alive:
// membership is what counts (see MemberProblem).
HttpHealth ProbeHttp(const topology::Instance& instance, absl::Time deadline,
                     const dm::TlsMaterial& tls = {});

// Why a dm-master or dm-worker is not a working member of the cluster; empty when it is. A master
// must be listed under its name and alive, with a leader elected; a worker listed under its name at
// its own address and not offline.
std::string MemberProblem(const topology::Instance& instance, const dm::Members& members);

}  // namespace dmgr::members

#endif  // DMGR_SERVER_MEMBERS_PROBE_H_
