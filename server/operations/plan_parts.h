// What plans are put together from.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_PARTS_H_
#define DMGR_SERVER_OPERATIONS_PLAN_PARTS_H_

#include <string>
#include <vector>

#include "server/operations/plans.h"

namespace dmgr::operations {

std::vector<std::string> Ids(const std::vector<engine::Step>& steps);
// A step on a machine, "{machine}/{what}", and one of dmgrd itself.
engine::Step HostStep(const std::string& machine, const std::string& what, const std::string& title,
                      const char* runner, std::vector<std::string> depends_on);
engine::Step ControlStep(const std::string& id, const std::string& title, const char* runner,
                         std::vector<std::string> depends_on);
engine::Plan NewPlan(v1::OperationKind kind, const topology::Cluster& cluster);
// Of those instances that are on the machine, the names.
InstancesParams NamesOn(const std::string& machine,
                        const std::vector<const topology::Instance*>& instances);
// Prepares, sends and installs on every machine of the cluster; returns what must have ended before
// its instances are complete. named: the steps say which instances they are about, since others
// are on the same machines.
std::vector<std::string> AddInstallSteps(engine::Plan* plan, const topology::Cluster& cluster,
                                         const v1::Package& package, bool named,
                                         const std::vector<std::string>& before);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_PARTS_H_
