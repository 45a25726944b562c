// Where calls and steps learn how the processes of a cluster are, and by which they ask DM for
// something.
#ifndef DMGR_SERVER_MEMBERS_SOURCE_H_
#define DMGR_SERVER_MEMBERS_SOURCE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/dm/client.h"
#include "server/members/migrations.h"
#include "server/members/probe.h"
#include "server/topology/topology.h"

namespace dmgr::members {

// Every call ends at its deadline, and with CANCELLED when `cancelled`, which may be empty, says
// so. Changes are guarded by nothing: whoever asks for one checks its claim right before. Errors of
// DM as in dm::Client. Thread-safe.
class MemberSource {
 public:
  virtual ~MemberSource() = default;

  // The member list, from whichever dm-master answers first. UNAVAILABLE with reason
  // DM_UNAVAILABLE.
  virtual absl::StatusOr<dm::Members> GetMembers(const topology::Cluster& cluster,
                                                 absl::Time deadline,
                                                 const dm::Cancelled& cancelled) = 0;
  // What the instance answers on its own port. For DM this says only that a process is alive:
  // membership is what counts (see MemberProblem).
  virtual HttpHealth Probe(const topology::Instance& instance, absl::Time deadline) = 0;
  // When its process was started, by its host's clock.
  virtual absl::StatusOr<absl::Time> StartTime(const topology::Instance& instance,
                                               absl::Time deadline,
                                               const dm::Cancelled& cancelled) = 0;
  // Its metrics, in Prometheus' text form.
  virtual absl::StatusOr<std::string> Metrics(const topology::Instance& instance,
                                              absl::Time deadline,
                                              const dm::Cancelled& cancelled) = 0;

  // The body of the page that it answers at this path. UNAVAILABLE, PAGE_REFUSED, for any status
  // but 200.
  virtual absl::StatusOr<std::string> Page(const topology::Instance& instance,
                                           const std::string& path, absl::Time deadline,
                                           const dm::Cancelled& cancelled) = 0;

  // Removes a dm-master by those of `others`; this and the next ones: see dm::Client.
  virtual absl::Status DeleteMaster(const topology::Cluster& others, const std::string& name,
                                    absl::Time deadline, const dm::Cancelled& cancelled) = 0;
  virtual absl::Status DeleteWorker(const topology::Cluster& cluster, const std::string& name,
                                    absl::Time deadline, const dm::Cancelled& cancelled) = 0;
  virtual absl::Status EvictLeader(const topology::Instance& master, absl::Time deadline,
                                   const dm::Cancelled& cancelled) = 0;
  virtual absl::Status CancelEvict(const topology::Instance& master, absl::Time deadline,
                                   const dm::Cancelled& cancelled) = 0;
  virtual absl::Status TransferSource(const topology::Cluster& cluster, const std::string& source,
                                      const std::string& worker, absl::Time deadline,
                                      const dm::Cancelled& cancelled) = 0;

  // The same for sources and tasks; lives as long as this.
  virtual Migrations& migrations() = 0;
};

}  // namespace dmgr::members

#endif  // DMGR_SERVER_MEMBERS_SOURCE_H_
