// What DM says of tasks, as it is shown: stages, progress, errors, and what to do next. Pure; texts
// of DM are one line each, without control characters and secrets, cut at some thousand bytes.
#ifndef DMGR_SERVER_MIGRATIONS_TASK_STATUS_H_
#define DMGR_SERVER_MIGRATIONS_TASK_STATUS_H_

#include <map>
#include <string>
#include <vector>

#include "dm/master.pb.h"
#include "dmgr/v1/task_service.pb.h"

namespace dmgr::migrations {

// An answer of QueryStatus, by task.
struct SeenTasks {
  // Those that DM has, each with its subtasks, by source.
  std::map<std::string, std::vector<v1::Subtask>> tasks{};
  // Sources of which nobody could say how they are, and why.
  std::map<std::string, std::string> silent_sources{};
};
SeenTasks ReadStatus(const pb::QueryStatusListResponse& response);

// The first subtask that an error has paused; nullptr when there is none.
const v1::Subtask* PausedByError(const std::vector<v1::Subtask>& subtasks);

// Message and cause of a subtask's first error, in a line.
std::string WordsOf(const v1::TaskError& error);

// Of the statement that an error tells of, as DM takes it: "mysql-bin.000002:1234"; empty: it tells
// of none.
std::string PositionOf(const v1::TaskError& error);

// It is of a statement that changes a table, which DM can skip.
bool IsOfDdl(const v1::TaskError& error);

// What helps a source of a task that an error has paused, the most useful first.
std::vector<v1::NextAction> ActionsFor(const std::string& cluster, const std::string& task,
                                       const v1::Subtask& subtask);

// In the API's words.
v1::TaskStage StageOf(pb::Stage stage);
v1::TaskError ErrorOf(const pb::ProcessError& error);

// A text of DM, as it is shown.
std::string CleanText(const std::string& text, std::size_t most);

// What is to be done about an error that has paused a task, before it is resumed.
std::string AdviceFor(const v1::TaskError& error);

// Sets stage, subtasks, advice and next_actions of a task, whose name, cluster_name, wanted_stage
// and foreign are set. sources: those of its configuration, none of a foreign one.
void AddSeen(const SeenTasks& seen, const std::vector<std::string>& sources, v1::Task* task);

// Adds that DM has another configuration of it than dmgr gave it, and what becomes of that.
void AddDiffers(v1::Task* task);

}  // namespace dmgr::migrations

#endif  // DMGR_SERVER_MIGRATIONS_TASK_STATUS_H_
