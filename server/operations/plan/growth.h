// The parts of a plan by which instances come to a cluster and leave it.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_GROWTH_H_
#define DMGR_SERVER_OPERATIONS_PLAN_GROWTH_H_

#include <set>
#include <string>
#include <vector>

#include "dmgr/plan/v1/scale.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/plan.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

inline constexpr char kRegisterNew[] = "control.register_new";
inline constexpr char kSurveyNew[] = "host.survey_new";
inline constexpr char kRewrite[] = "host.rewrite";
inline constexpr char kCache[] = "control.cache";
inline constexpr char kRemoveSome[] = "host.remove_some";
inline constexpr char kForget[] = "control.forget";

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

// Of those that leave, which are on hosts that answer, and which are not.
struct Sides {
  std::vector<const topology::Instance*> here;
  std::vector<const topology::Instance*> lost;
};
Sides SidesOf(const ScaleIn& scale);

std::vector<std::string> NamesOf(const std::vector<const topology::Instance*>& instances);
std::vector<const topology::Instance*> Joining(const topology::Cluster& cluster);

// The components that learn of the changed ones only when they start.
std::vector<std::string> ToRestart(const std::vector<const topology::Instance*>& changed);

// What all steps are told that add these, or take them away.
pv1::ScaleParams AboutThese(const std::vector<const topology::Instance*>& instances);
pv1::ScaleParams AboutLeaving(const ScaleIn& scale);
// What a step about some of them is told.
std::string AboutSome(const std::vector<std::string>& instances, pv1::ScaleParams params);

// Appends one step a machine for its instances among these, and its id to `ids`.
void AddByMachine(engine::Plan* plan, const topology::Cluster& cluster,
                  const std::vector<const topology::Instance*>& instances, const std::string& what,
                  const std::string& verb, const char* runner, const pv1::ScaleParams& common,
                  const std::vector<std::string>& before, std::vector<std::string>* ids);

// Appends what puts the new instances on their hosts. This one and the next ones answer with the
// ids that what follows must wait for.
std::vector<std::string> AddNew(engine::Plan* plan, const topology::Cluster& cluster,
                                const v1::Package& package,
                                const std::vector<const topology::Instance*>& added,
                                const pv1::ScaleParams& params);

// Appends what removes those that leave, or forgets them: there is no way back.
std::vector<std::string> AddRemovals(engine::Plan* plan, const topology::Cluster& cluster,
                                     const ScaleIn& scale, const pv1::ScaleParams& params,
                                     const std::vector<std::string>& before);

// Appends what tells all of the cluster, but for those on machines that are skipped, of each other.
std::vector<std::string> AddRewrite(engine::Plan* plan, const topology::Cluster& cluster,
                                    const std::set<std::string>& skipped,
                                    const pv1::ScaleParams& params,
                                    const std::vector<std::string>& before);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_GROWTH_H_
