// Plans of scale-out, of scale-in and of moves, which are both: pure functions.
#ifndef DMGR_SERVER_OPERATIONS_SCALE_PLAN_H_
#define DMGR_SERVER_OPERATIONS_SCALE_PLAN_H_

#include <set>
#include <string>
#include <vector>

#include "dmgr/plan/v1/scale.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/plan.h"
#include "server/topology/moved.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// cluster: with the new instances, which are joining. Everything is on every host before the first
// dm-master joins; they join one after another. skipped: machines of others, which learn nothing of
// it.
engine::Plan PlanScaleOut(const topology::Cluster& cluster, const v1::Package& package,
                          const std::set<std::string>& skipped = {});

struct ScaleIn {
  // dm-masters in the order in which they leave.
  std::vector<const topology::Instance*> leaving;
  // Machines that cannot be reached, and are left as they are.
  std::set<std::string> unreachable;
  // Names of exporters that another cluster takes over.
  std::set<std::string> lent;
  bool force = false;
  // A source for which nobody else is free waits for its dm-worker.
  bool comes_back = false;
  // Sources move although tasks of them load, and begin that anew.
  bool accepts_load_restart = false;
};

// What can be undone comes first: sources move, dm-workers stop. Then DM lets go of each, and only
// then is anything removed.
engine::Plan PlanScaleIn(const topology::Cluster& cluster, const ScaleIn& scale);

struct Move {
  // What leaves the old machine.
  ScaleIn away;
  // Those of the dm-masters there are not alive: DM takes nobody new before they have left.
  bool masters_leave_first = false;
};

// cluster: with the new instances, which are joining. They come as by a scale-out, then the old
// ones leave as by a scale-in. dm-masters that leave first do so when all the rest can still be
// undone.
engine::Plan PlanMove(const topology::Cluster& cluster, const v1::Package& package,
                      const Move& move);

struct Readdress {
  // What is on the machine, as it leaves; it comes back. Others that cannot be reached.
  ScaleIn away;
  std::string machine_id;
  topology::NewPlace place;
};

// DM has no other way for a member to get another address: each leaves, its files are written anew,
// and it joins again, under its name. dm-workers and monitoring keep their data, dm-masters get
// theirs from the others.
engine::Plan PlanReaddress(const topology::Cluster& cluster, const Readdress& readdress);

// Names of the runners.
inline constexpr char kRegisterNew[] = "control.register_new";
inline constexpr char kSurveyNew[] = "host.survey_new";
inline constexpr char kJoin[] = "host.join";
inline constexpr char kStartNew[] = "host.start_new";
inline constexpr char kRewrite[] = "host.rewrite";
inline constexpr char kCache[] = "control.cache";
inline constexpr char kVacate[] = "control.vacate";
inline constexpr char kAskQuorum[] = "control.ask_quorum";
inline constexpr char kLeave[] = "host.leave";
inline constexpr char kLetGo[] = "control.let_go";
inline constexpr char kRemoveSome[] = "host.remove_some";
inline constexpr char kForget[] = "control.forget";
inline constexpr char kReaddress[] = "host.readdress";

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_SCALE_PLAN_H_
