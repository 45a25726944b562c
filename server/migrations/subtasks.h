// Parts of tasks that must not be disturbed, or must be as they were before something was done.
// Pure.
#ifndef DMGR_SERVER_MIGRATIONS_SUBTASKS_H_
#define DMGR_SERVER_MIGRATIONS_SUBTASKS_H_

#include <string>
#include <vector>

#include "dmgr/plan/v1/turns.pb.h"
#include "server/migrations/task_status.h"

namespace dmgr::migrations {

using SeenSubtasks = std::vector<dmgr::plan::v1::SubtaskSeen>;

// Those that run or are paused.
SeenSubtasks AliveOf(const SeenTasks& tasks);

// Those on these dm-workers that load, also when they are paused: a restart has them begin that
// anew.
SeenSubtasks LoadingOn(const std::vector<std::string>& workers, const SeenTasks& tasks);

// "task shop loads from source s1 on dm-worker worker-2; ...".
std::string WordsOfLoading(const SeenSubtasks& loading);

// Why one that was alive is not yet as it was, or empty. What somebody has paused, resumed or ended
// since is left to them; but what DM does not list is a problem: it may be about to begin it.
std::string ProblemOf(const dmgr::plan::v1::SubtaskSeen& before, const SeenTasks& now);

// Whether DM lists it.
bool IsListed(const dmgr::plan::v1::SubtaskSeen& before, const SeenTasks& now);

}  // namespace dmgr::migrations

#endif  // DMGR_SERVER_MIGRATIONS_SUBTASKS_H_
