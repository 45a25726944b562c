// What plans are made of.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_PARTS_H_
#define DMGR_SERVER_OPERATIONS_PLAN_PARTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/components/traits.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"
#include "server/engine/plan.h"
#include "server/operations/plan/units.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// Instances that are started together, and how the step ids call them.
struct Wave {
  components::Wave which;
  std::string name;
  // Waits on each host only for what that host does for the waves before; no wave waits for it.
  bool independent = false;
};

// All waves, in start order.
std::vector<Wave> StartWaves();
engine::Plan NewPlan(v1::OperationKind kind, const topology::Cluster& cluster);
engine::Step HostStep(const std::string& machine, const std::string& what, const std::string& title,
                      const char* runner, std::vector<std::string> depends_on);
engine::Step ControlStep(const std::string& id, const std::string& title, const char* runner,
                         std::vector<std::string> depends_on);
// A control step that records the cluster's state.
engine::Step RecordStep(const std::string& id, v1::ClusterState state, const std::string& title,
                        std::vector<std::string> depends_on);
std::vector<std::string> Ids(const std::vector<engine::Step>& steps);

// Seconds to move so many bytes, for the weight of a step.
double TransferWeight(std::uint64_t bytes);

// The names of those instances that are on the machine.
pv1::InstancesParams NamesOn(const std::string& machine,
                             const std::vector<const topology::Instance*>& instances);

// How a step that there is on each machine is called.
struct EachStep {
  // What its id ends with.
  std::string what;
  // "{}" stands for the names of the instances.
  std::string title;
};

// Appends one step a machine for its instances among these. Returns the ids that what follows must
// wait for: `before` when there are none.
std::vector<std::string> AddEachMachine(engine::Plan* plan, const topology::Cluster& cluster,
                                        const std::vector<const topology::Instance*>& instances,
                                        const EachStep& step, const char* runner,
                                        const std::vector<std::string>& before);

// The releases that a machine needs, without repetition, in start order.
std::vector<std::string> ComponentsOn(const topology::Cluster& cluster, const std::string& machine);

// Appends a look at what runs. This one and the next ones return the ids that what follows must
// wait for.
std::vector<std::string> AddUnitSurveys(engine::Plan* plan, const topology::Cluster& cluster,
                                        const std::vector<const topology::Instance*>& instances,
                                        std::vector<std::string> before);

// Appends what prepares, sends and installs on every machine of the cluster. named: the steps say
// which instances they are about, since others are on the same machines.
std::vector<std::string> AddInstallSteps(engine::Plan* plan, const topology::Cluster& cluster,
                                         const v1::Package& package, bool named,
                                         const std::vector<std::string>& before);

// Appends one wave after another.
std::vector<std::string> AddWaves(engine::Plan* plan, const topology::Cluster& cluster,
                                  const std::vector<const topology::Instance*>& instances,
                                  const std::vector<Wave>& waves, const char* runner,
                                  const std::string& verb, std::vector<std::string> before);

inline constexpr char kFreePatches[] = "control.free_patches";

// Appends the last step: patches that nobody uses any more are forgotten.
void AddFreePatches(engine::Plan* plan, std::vector<std::string> before);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_PARTS_H_
