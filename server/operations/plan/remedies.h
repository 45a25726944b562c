// Which part of a repair puts which difference right. Pure. Private to this room.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_REMEDIES_H_
#define DMGR_SERVER_OPERATIONS_PLAN_REMEDIES_H_

#include <set>
#include <string>
#include <vector>

#include "dmgr/v1/difference.pb.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

enum class Remedy {
  kNone,   // A repair does not mend it.
  kLook,   // The host was not seen: whatever its look shows is put right.
  kPlace,  // Files, programs, units and accounts are placed.
  kHalt,
  kRun,
  kRenew,  // The process is restarted, or reads its configuration again.
};

// Differences that are put right step by step; none of them is lost.
class Remedies {
 public:
  Remedies(const topology::Cluster& cluster, const std::vector<v1::Difference>& differences);

  // Whether anything on the machine is put right.
  bool Concerns(const std::string& machine) const;
  // Whether the remedy is for a difference of this instance.
  bool Has(Remedy remedy, const std::string& instance) const;
  // Whether the instance has other files than the record says, or its process other ones than are
  // there.
  bool IsToRenew(const topology::Instance& instance) const;
  // Whether a HUP puts right what its process has read.
  bool IsToRead(const topology::Instance& instance) const;

  // Takes out what the remedy is for, of these instances of a machine, or of the machine alone.
  std::vector<v1::Difference> Take(Remedy remedy, const std::string& machine,
                                   const std::vector<std::string>& instances);
  // What was not taken: it is not put right.
  std::vector<v1::Difference> TakeRest();

 private:
  struct Entry {
    v1::Difference difference;
    Remedy remedy = Remedy::kNone;
    // Where it is put right, and for whom; what follows from another difference is with that one.
    std::string machine;
    std::string instance;
    bool taken = false;
  };

  // The instance whose start puts a difference right that is none of its own, or nullptr.
  const topology::Instance* StartedBy(const topology::Cluster& cluster,
                                      const v1::Difference& difference) const;

  std::vector<Entry> entries_;
};

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_REMEDIES_H_
