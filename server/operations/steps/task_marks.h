// What tells the configuration that DM has of a task from the one that dmgr gave it.
#ifndef DMGR_SERVER_OPERATIONS_STEPS_TASK_MARKS_H_
#define DMGR_SERVER_OPERATIONS_STEPS_TASK_MARKS_H_

#include <string>

#include "server/dm/master_client.h"
#include "server/resources/resources.h"
#include "server/store/migration_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// The mark among what is recorded beside a task's configuration; empty: not known.
std::string MarkIn(const std::string& details_json);

// What tells the configuration that DM has of a task from any other one, and the cluster's version:
// another version of DM may write it in another way. Empty when DM does not show it.
std::string MarkOf(const Resources& resources, const topology::Cluster& cluster,
                   const std::string& task, const dm::Within& within);

// Whether DM has another configuration of the task than dmgr gave it; false where that cannot be
// told.
bool DiffersInDm(const Resources& resources, const topology::Cluster& cluster,
                 const store::MigrationRecord& record, const dm::Within& within);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_STEPS_TASK_MARKS_H_
