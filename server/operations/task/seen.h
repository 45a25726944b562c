// Tasks as DM has them, and as they are recorded.
#ifndef DMGR_SERVER_OPERATIONS_TASK_SEEN_H_
#define DMGR_SERVER_OPERATIONS_TASK_SEEN_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/dm/check_result.h"
#include "server/dm/master_client.h"
#include "server/migrations/config.h"
#include "server/migrations/task_status.h"
#include "server/resources/resources.h"
#include "server/store/migration_store.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

// One task, as DM has it.
struct SeenTask {
  std::vector<v1::Subtask> subtasks;
  // Of its sources; see migrations::SeenTasks.
  std::map<std::string, std::string> silent_sources;

  // Somebody has paused a part of it, and no error has paused another.
  bool IsPausedByHand() const;
  // Nothing of it runs; what is through with its work stays so.
  bool IsPaused() const;
  // All of it runs, or is through with its work.
  bool Runs() const;
  // Whether it is one of these sources: those that are silent are believed.
  bool IsOf(const std::vector<std::string>& sources) const;
};
// nullopt: DM does not have it.
absl::StatusOr<std::optional<SeenTask>> LookAtTask(const Resources& resources,
                                                   const topology::Cluster& cluster,
                                                   const std::string& task,
                                                   const dm::Within& within);

store::MigrationKey TaskKey(const std::string& cluster_uuid, const std::string& task);

// NOT_FOUND.
absl::Status TaskNotFound(const std::string& cluster, const std::string& task);

// What of a task's configuration is recorded beside it, and the sources in there. mark: as of
// MarkOf.
std::string TaskDetails(const migrations::TaskConfig& config, const std::string& mark);
std::vector<std::string> SourcesIn(const std::string& details_json);

// The configuration as DM takes it, with the target that it names. Full of secrets: whoever gets it
// wipes it. Errors also as of clusters::LoadTarget.
absl::StatusOr<std::string> ForDm(const Resources& resources, const std::string& cluster_uuid,
                                  const std::string& yaml);

// FAILED_PRECONDITION, DM_PRECHECK_FAILED, unless the check has passed: says what failed, that
// which DM tells of first in the beginning.
absl::Status StatusOfCheck(const std::string& task, const dm::CheckResult& check);

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_TASK_SEEN_H_
