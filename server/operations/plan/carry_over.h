// The part of a plan by which dm-masters that begin anew get what others kept, and dm-workers go on
// with it.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_CARRY_OVER_H_
#define DMGR_SERVER_OPERATIONS_PLAN_CARRY_OVER_H_

#include <string>
#include <vector>

#include "dmgr/plan/v1/rebuild.pb.h"
#include "server/engine/plan.h"
#include "server/operations/plan/units.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

inline constexpr char kTakeCopy[] = "control.take_copy";
inline constexpr char kPutBack[] = "control.put_back";
inline constexpr char kReadBack[] = "control.read_back";
inline constexpr char kAwaitBound[] = "control.await_bound";

// Appends a step that is about a copy of what dm-masters keep. Returns the ids that what follows
// must wait for, as the next one does.
std::vector<std::string> AddCopyStep(engine::Plan* plan, const std::string& id,
                                     const std::string& title, const char* runner,
                                     const pv1::RebuildParams& copy,
                                     std::vector<std::string> before);

// What a new DM is made of.
struct NewDm {
  std::vector<const topology::Instance*> masters;
  std::vector<const topology::Instance*> workers;
  pv1::RebuildParams copy{};
  // The runner that starts them.
  const char* start = kStart;
  // What the start of the dm-masters waits for, and that of the dm-workers beside it.
  std::vector<std::string> masters_after{};
  std::vector<std::string> workers_after{};
};

// Appends the start of founders, what gives them what is in the copy, and the start of the
// dm-workers: they register with the new DM, since none does by itself; the dm-master that leads
// hands over, since only a new leader reads what it finds.
std::vector<std::string> AddNewDm(engine::Plan* plan, const topology::Cluster& cluster,
                                  const NewDm& dm);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_CARRY_OVER_H_
