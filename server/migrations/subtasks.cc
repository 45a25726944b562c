#include "server/migrations/subtasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dmgr::migrations {
namespace {

using dmgr::plan::v1::SubtaskSeen;

bool IsAlive(const v1::Subtask& subtask) {
  return subtask.stage() == v1::TASK_STAGE_RUNNING || subtask.stage() == v1::TASK_STAGE_PAUSED ||
         subtask.stage() == v1::TASK_STAGE_CHANGING;
}

SubtaskSeen SeenOf(const std::string& task, const v1::Subtask& subtask) {
  SubtaskSeen seen;
  seen.set_task(task);
  seen.set_source(subtask.source_id());
  seen.set_stage(subtask.stage());
  seen.set_worker(subtask.worker_name());
  return seen;
}

const v1::Subtask* Find(const SubtaskSeen& before, const SeenTasks& now) {
  const auto task = now.tasks.find(before.task());
  if (task == now.tasks.end()) return nullptr;
  const auto found = std::ranges::find(task->second, before.source(), &v1::Subtask::source_id);
  return found == task->second.end() ? nullptr : &*found;
}

}  // namespace

SeenSubtasks AliveOf(const SeenTasks& tasks) {
  SeenSubtasks alive;
  for (const auto& [name, subtasks] : tasks.tasks) {
    for (const auto& subtask : subtasks) {
      if (IsAlive(subtask)) alive.push_back(SeenOf(name, subtask));
    }
  }
  return alive;
}

SeenSubtasks LoadingOn(const std::vector<std::string>& workers, const SeenTasks& tasks) {
  SeenSubtasks loading;
  for (const auto& [name, subtasks] : tasks.tasks) {
    for (const auto& subtask : subtasks) {
      const bool is_there = std::ranges::find(workers, subtask.worker_name()) != workers.end();
      if (is_there && subtask.unit() == v1::TASK_UNIT_LOAD && IsAlive(subtask)) {
        loading.push_back(SeenOf(name, subtask));
      }
    }
  }
  return loading;
}

std::string WordsOfLoading(const SeenSubtasks& loading) {
  std::vector<std::string> words;
  for (const auto& one : loading) {
    words.push_back(fmt::format("task {} loads from source {} on dm-worker {}", one.task(),
                                one.source(), one.worker()));
  }
  return fmt::format("{}", fmt::join(words, "; "));
}

std::string ProblemOf(const SubtaskSeen& before, const SeenTasks& now) {
  const auto silent = now.silent_sources.find(before.source());
  if (silent != now.silent_sources.end()) {
    return fmt::format("source {} cannot be asked for task {}: {}", before.source(), before.task(),
                       silent->second);
  }
  const v1::Subtask* subtask = Find(before, now);
  const auto is = [&](const std::string& what) {
    return fmt::format("task {} of source {} {}", before.task(), before.source(), what);
  };
  if (subtask == nullptr) return is("is not there yet");
  if (subtask->stage() == v1::TASK_STAGE_RUNNING || subtask->stage() == v1::TASK_STAGE_FINISHED) {
    return "";
  }
  if (subtask->stage() == v1::TASK_STAGE_PAUSED) {
    if (before.stage() == v1::TASK_STAGE_PAUSED || subtask->paused_by_hand()) return "";
    return is("is paused: " +
              (subtask->errors().empty() ? "DM does not say why" : WordsOf(subtask->errors(0))));
  }
  return is("does not run yet");
}

bool IsListed(const SubtaskSeen& before, const SeenTasks& now) {
  return Find(before, now) != nullptr;
}

}  // namespace dmgr::migrations
