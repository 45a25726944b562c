// What the calls and steps of this room find out.
#ifndef DMGR_SERVER_OPERATIONS_MEND_LOOK_H_
#define DMGR_SERVER_OPERATIONS_MEND_LOOK_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dmgr/plan/v1/mend.pb.h"
#include "server/dm/master_client.h"
#include "server/migrations/task_status.h"
#include "server/resources/resources.h"
#include "server/topology/topology.h"

namespace dmgr::operations {

namespace pv1 = ::dmgr::plan::v1;

// A task, as DM has it.
struct StuckTask {
  // Of the sources that are asked for, by id.
  std::vector<v1::Subtask> subtasks;
  std::map<std::string, std::string> silent_sources;
};
// source_ids empty: all. FAILED_PRECONDITION, TASK_NOT_RUNNING; NOT_FOUND, SOURCE_NOT_FOUND: it
// does not have such a source.
absl::StatusOr<StuckTask> LookAtStuck(const Resources& resources, const topology::Cluster& cluster,
                                      const std::string& task,
                                      const std::vector<std::string>& source_ids,
                                      const dm::Within& within);

// Of a statement, as it is shown and compared.
inline constexpr std::size_t kStatementText = 2000;

// For a call of the API.
dm::Within WithinLook();

absl::Status UnfitRequest(const std::string& why, const std::string& remedy);

// What pauses it, to be known again.
pv1::SeenErrorParams SeenErrorOf(const v1::Subtask& subtask);
// It is paused by this error still.
bool HasStill(const v1::Subtask& subtask, const pv1::SeenErrorParams& error);

// Of a repeated field.
template <typename Texts>
std::vector<std::string> ListOf(const Texts& texts) {
  return {texts.begin(), texts.end()};
}

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_MEND_LOOK_H_
