#include "server/migrations/task_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "common/secrets_in_text.h"
#include "common/utf8.h"

namespace dmgr::migrations {
namespace {

constexpr std::size_t kText = 2000;
constexpr std::size_t kWord = 200;
constexpr int kMostErrors = 20;
constexpr int kMostStatements = 20;

std::string Clean(const std::string& text, std::size_t most = kText) {
  return OneLine(WithoutSecrets(text.substr(0, 2 * most)), most);
}

// What DM counts; it may be anything.
double Amount(double value) { return std::isfinite(value) && value > 0 ? value : 0; }
std::int64_t Amount(std::int64_t value) { return std::max<std::int64_t>(value, 0); }

v1::TaskUnit UnitOf(pb::UnitType unit) {
  switch (unit) {
    case pb::UNIT_TYPE_CHECK:
      return v1::TASK_UNIT_CHECK;
    case pb::UNIT_TYPE_DUMP:
      return v1::TASK_UNIT_DUMP;
    case pb::UNIT_TYPE_LOAD:
      return v1::TASK_UNIT_LOAD;
    case pb::UNIT_TYPE_SYNC:
      return v1::TASK_UNIT_SYNC;
    default:
      return v1::TASK_UNIT_UNSPECIFIED;
  }
}

void AddDump(const pb::DumpStatus& from, v1::DumpProgress* dump) {
  dump->set_total_tables(Amount(from.total_tables()));
  dump->set_completed_tables(Amount(from.completed_tables()));
  dump->set_finished_bytes(Amount(from.finished_bytes()));
  dump->set_finished_rows(Amount(from.finished_rows()));
  dump->set_total_rows(Amount(from.estimate_total_rows()));
  dump->set_bytes_per_second(Amount(from.bps()));
}

void AddLoad(const pb::LoadStatus& from, v1::LoadProgress* load) {
  load->set_finished_bytes(Amount(from.finished_bytes()));
  load->set_total_bytes(Amount(from.total_bytes()));
  load->set_bytes_per_second(Amount(from.bps()));
}

void AddSync(const pb::SyncStatus& from, v1::SyncProgress* sync) {
  // The most that a Duration holds.
  constexpr std::int64_t kMostSeconds = 315'576'000'000;
  sync->mutable_lag()->set_seconds(std::min(Amount(from.seconds_behind_master()), kMostSeconds));
  sync->set_caught_up(from.synced());
  sync->set_rows_per_second(Amount(from.recent_rps()));
  sync->set_total_rows(Amount(from.total_rows()));
  sync->set_source_binlog(Clean(from.master_binlog(), kWord));
  sync->set_task_binlog(Clean(from.syncer_binlog(), kWord));
  for (const auto& statement : from.blocking_ddls()) {
    if (sync->blocking_ddls_size() == kMostStatements) break;
    sync->add_blocking_ddls(Clean(statement));
  }
}

v1::Subtask SubtaskOf(const pb::SourceStatus& source, const pb::SubTaskStatus& from) {
  v1::Subtask subtask;
  subtask.set_source_id(Clean(source.source(), kWord));
  subtask.set_worker_name(Clean(source.worker(), kWord));
  subtask.set_stage(StageOf(from.stage()));
  subtask.set_unit(UnitOf(from.unit()));
  if (from.has_dump()) AddDump(from.dump(), subtask.mutable_dump());
  if (from.has_load()) AddLoad(from.load(), subtask.mutable_load());
  if (from.has_sync()) AddSync(from.sync(), subtask.mutable_sync());
  for (const auto& error : from.result().errors()) {
    if (subtask.errors_size() == kMostErrors) break;
    *subtask.add_errors() = ErrorOf(error);
  }
  subtask.set_paused_by_hand(from.stage() == pb::STAGE_PAUSED && from.result().errors().empty());
  subtask.set_shard_lock_id(Clean(from.unresolved_ddl_lock_id(), kWord));
  return subtask;
}

// How much a stage asks for somebody's attention.
int Concern(v1::TaskStage stage) {
  switch (stage) {
    case v1::TASK_STAGE_PAUSED:
      return 5;
    case v1::TASK_STAGE_UNSPECIFIED:
      return 4;
    case v1::TASK_STAGE_STOPPED:
      return 3;
    case v1::TASK_STAGE_CHANGING:
      return 2;
    case v1::TASK_STAGE_RUNNING:
      return 1;
    default:
      return 0;
  }
}

v1::TaskStage StageOfAll(const v1::Task& task) {
  if (task.subtasks().empty()) return v1::TASK_STAGE_STOPPED;
  auto most = task.subtasks(0).stage();
  for (const auto& subtask : task.subtasks()) {
    if (Concern(subtask.stage()) > Concern(most)) most = subtask.stage();
  }
  return most;
}

struct Meaning {
  // In the message or its cause.
  std::string_view words;
  std::string_view advice;
};
// The first one counts.
constexpr Meaning kMeanings[] = {
    {"Access denied", "correct user, password or rights in the database or in the configuration"},
    {"command denied", "give the database's user the rights that the statement needs"},
    {"connection refused", "see that the database runs and that the dm-worker reaches it"},
    {"no route to host", "see that the dm-worker's host reaches the database's"},
    {"no such host", "see that the dm-worker's host knows the database's name"},
    {"i/o timeout", "see that the dm-worker's host reaches the database's"},
    {"invalid connection", "see that the database runs and that the dm-worker reaches it"},
    {"bad connection", "see that the database runs and that the dm-worker reaches it"},
    {"relay log pos", "stop the relay log of the source, or begin the task behind its start"},
    {"Error 1236",
     "the source has no binlog of that position any more: stop the task, and start it "
     "anew with the knowledge of how far it had come removed"},
    {"Could not find first log file",
     "the source has no binlog of that position any more: stop the "
     "task, and start it anew with the knowledge of how far it had "
     "come removed"},
    {"cannot track DDL",
     "the statement does not fit the table as DM knows it: bring the table in "
     "the target to where it fits, or skip the statement"},
    {"Duplicate entry",
     "the target has a row with this key already: remove it, or correct which "
     "tables go to the same one"},
    {"Unknown column", "the table in the target lacks a column of the source's: add it"},
    {"doesn't exist", "the target lacks the table: create it, or correct the routes"},
    {"Data too long", "a column in the target is too short for the source's: make it longer"},
    {"Out of range value", "a column in the target is too small for the source's: change its type"},
};

v1::NextAction ActionOf(v1::Action action, const std::string& cluster, const std::string& task) {
  v1::NextAction next;
  next.set_action(action);
  (*next.mutable_arguments())["cluster_name"] = cluster;
  (*next.mutable_arguments())["task_name"] = task;
  return next;
}

v1::NextAction ActionOf(v1::Action action, const v1::Task& task) {
  return ActionOf(action, task.cluster_name(), task.task_name());
}

// Those that go with the advice.
std::vector<v1::NextAction> ActionsForTask(const v1::Task& task) {
  if (task.advice().empty()) return {};
  if (task.stage() == v1::TASK_STAGE_STOPPED) return {ActionOf(v1::ACTION_START_TASK, task)};
  for (const auto& subtask : task.subtasks()) {
    if (subtask.stage() == v1::TASK_STAGE_PAUSED && !subtask.errors().empty()) {
      return ActionsFor(task.cluster_name(), task.task_name(), subtask);
    }
  }
  if (task.stage() == v1::TASK_STAGE_PAUSED) return {ActionOf(v1::ACTION_RESUME_TASK, task)};
  if (task.stage() != v1::TASK_STAGE_RUNNING) return {};
  for (const auto& subtask : task.subtasks()) {
    if (subtask.shard_lock_id().empty()) continue;
    auto unlock = ActionOf(v1::ACTION_UNLOCK_SHARD_LOCK, task);
    (*unlock.mutable_arguments())["lock_id"] = subtask.shard_lock_id();
    return {ActionOf(v1::ACTION_LIST_SHARD_LOCKS, task), unlock};
  }
  return {};
}

std::string AdviceForPaused(const v1::Task& task) {
  for (const auto& subtask : task.subtasks()) {
    if (subtask.stage() != v1::TASK_STAGE_PAUSED || subtask.errors().empty()) continue;
    return fmt::format("source {}: {}; then resume the task", subtask.source_id(),
                       AdviceFor(subtask.errors(0)));
  }
  if (!task.foreign() && task.wanted_stage() == v1::TASK_STAGE_PAUSED) return "";
  return "somebody has paused it: resume it";
}

// Of a managed one that DM does not have.
std::string AdviceForMissing(const v1::Task& task) {
  if (task.wanted_stage() == v1::TASK_STAGE_STOPPED) return "";
  return "DM does not have it any more: start it, and it goes on from where it was";
}

std::string AdviceForRunning(const v1::Task& task) {
  for (const auto& subtask : task.subtasks()) {
    if (subtask.shard_lock_id().empty()) continue;
    return fmt::format(
        "source {} waits for the shard lock {}: make the same change of the table in all its "
        "shards, or resolve the lock",
        subtask.source_id(), subtask.shard_lock_id());
  }
  if (task.foreign()) return "";
  if (task.wanted_stage() == v1::TASK_STAGE_STOPPED) return "somebody else has started it: stop it";
  if (task.wanted_stage() == v1::TASK_STAGE_PAUSED) return "somebody else has resumed it";
  return "";
}

std::string AdviceOf(const v1::Task& task, const SeenTasks& seen) {
  switch (task.stage()) {
    case v1::TASK_STAGE_PAUSED:
      return AdviceForPaused(task);
    case v1::TASK_STAGE_STOPPED:
      return AdviceForMissing(task);
    case v1::TASK_STAGE_UNSPECIFIED:
      for (const auto& subtask : task.subtasks()) {
        const auto silent = seen.silent_sources.find(subtask.source_id());
        if (silent == seen.silent_sources.end()) continue;
        return fmt::format("source {} cannot be asked: {}; see that a dm-worker is there for it",
                           subtask.source_id(), silent->second);
      }
      return "";
    default:
      return AdviceForRunning(task);
  }
}

bool Has(const v1::Task& task, const std::string& source) {
  const auto& all = task.subtasks();
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& subtask) { return subtask.source_id() == source; });
}

}  // namespace

v1::TaskStage StageOf(pb::Stage stage) {
  switch (stage) {
    case pb::STAGE_RUNNING:
      return v1::TASK_STAGE_RUNNING;
    case pb::STAGE_PAUSED:
      return v1::TASK_STAGE_PAUSED;
    case pb::STAGE_STOPPED:
      return v1::TASK_STAGE_STOPPED;
    case pb::STAGE_FINISHED:
      return v1::TASK_STAGE_FINISHED;
    case pb::STAGE_NEW:
    case pb::STAGE_PAUSING:
    case pb::STAGE_RESUMING:
    case pb::STAGE_STOPPING:
      return v1::TASK_STAGE_CHANGING;
    default:
      return v1::TASK_STAGE_UNSPECIFIED;
  }
}

v1::TaskError ErrorOf(const pb::ProcessError& from) {
  v1::TaskError error;
  error.set_code(from.err_code());
  error.set_error_class(Clean(from.err_class(), kWord));
  error.set_level(Clean(from.err_level(), kWord));
  error.set_message(Clean(from.message()));
  error.set_raw_cause(Clean(from.raw_cause()));
  error.set_workaround(Clean(from.workaround()));
  return error;
}

std::string CleanText(const std::string& text, std::size_t most) { return Clean(text, most); }

SeenTasks ReadStatus(const pb::QueryStatusListResponse& response) {
  SeenTasks seen;
  for (const auto& source : response.sources()) {
    const auto& status = source.source_status();
    if (!source.result()) {
      seen.silent_sources[Clean(status.source(), kWord)] =
          source.msg().empty() ? "DM does not say why" : Clean(source.msg());
      continue;
    }
    for (const auto& subtask : source.sub_task_status()) {
      seen.tasks[Clean(subtask.name(), kWord)].push_back(SubtaskOf(status, subtask));
    }
  }
  for (auto& [name, subtasks] : seen.tasks) {
    std::ranges::sort(subtasks,
                      [](const auto& a, const auto& b) { return a.source_id() < b.source_id(); });
  }
  return seen;
}

const v1::Subtask* PausedByError(const std::vector<v1::Subtask>& subtasks) {
  const auto found = std::ranges::find_if(subtasks, [](const v1::Subtask& subtask) {
    return subtask.stage() == v1::TASK_STAGE_PAUSED && !subtask.errors().empty();
  });
  return found == subtasks.end() ? nullptr : &*found;
}

std::string WordsOf(const v1::TaskError& error) {
  if (error.message().empty()) return error.raw_cause();
  return error.raw_cause().empty() ? error.message()
                                   : fmt::format("{}: {}", error.message(), error.raw_cause());
}

std::string PositionOf(const v1::TaskError& error) {
  constexpr std::string_view kStart = "startLocation: [position: (";
  const std::string& text = error.message();
  const std::size_t start = text.find(kStart);
  if (start == std::string::npos) return "";
  const std::size_t file = start + kStart.size();
  const std::size_t comma = text.find(", ", file);
  const std::size_t end = text.find(')', file);
  if (comma == std::string::npos || end == std::string::npos || comma > end) return "";
  const std::string offset = text.substr(comma + 2, end - comma - 2);
  const bool is_number = !offset.empty() && std::ranges::all_of(offset, [](unsigned char c) {
    return c >= '0' && c <= '9';
  });
  // Before it has read anything, DM has no file.
  if (!is_number || comma == file) return "";
  return text.substr(file, comma - file) + ":" + offset;
}

bool IsOfDdl(const v1::TaskError& error) {
  return error.message().find("origin SQL: [") != std::string::npos ||
         error.message().find("cannot track DDL") != std::string::npos;
}

std::vector<v1::NextAction> ActionsFor(const std::string& cluster, const std::string& task,
                                       const v1::Subtask& subtask) {
  std::vector<v1::NextAction> actions;
  const bool is_of_ddl = subtask.unit() == v1::TASK_UNIT_SYNC && !subtask.errors().empty() &&
                         IsOfDdl(subtask.errors(0));
  if (is_of_ddl) {
    for (const auto action : {v1::ACTION_SKIP_TASK_ERROR, v1::ACTION_REPLACE_TASK_ERROR}) {
      actions.push_back(ActionOf(action, cluster, task));
      (*actions.back().mutable_arguments())["source_ids"] = subtask.source_id();
    }
  }
  actions.push_back(ActionOf(v1::ACTION_RESUME_TASK, cluster, task));
  return actions;
}

std::string AdviceFor(const v1::TaskError& error) {
  for (const auto& [words, advice] : kMeanings) {
    if (error.raw_cause().find(words) != std::string::npos ||
        error.message().find(words) != std::string::npos) {
      return std::string(advice);
    }
  }
  return error.workaround().empty() ? "mend what the error tells of" : error.workaround();
}

void AddSeen(const SeenTasks& seen, const std::vector<std::string>& sources, v1::Task* task) {
  const auto found = seen.tasks.find(task->task_name());
  if (found != seen.tasks.end()) {
    task->mutable_subtasks()->Assign(found->second.begin(), found->second.end());
  }
  const bool is_there = found != seen.tasks.end();
  for (const auto& source : sources) {
    if (Has(*task, source)) continue;
    const bool is_silent = seen.silent_sources.contains(source);
    if (!is_silent && !is_there) continue;
    if (!is_there && task->wanted_stage() == v1::TASK_STAGE_STOPPED) continue;
    auto* subtask = task->add_subtasks();
    subtask->set_source_id(source);
    subtask->set_stage(is_silent ? v1::TASK_STAGE_UNSPECIFIED : v1::TASK_STAGE_STOPPED);
  }
  auto& all = *task->mutable_subtasks();
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.source_id() < b.source_id(); });
  task->set_stage(StageOfAll(*task));
  task->set_advice(AdviceOf(*task, seen));
  for (auto& action : ActionsForTask(*task)) *task->add_next_actions() = std::move(action);
}

void AddDiffers(v1::Task* task) {
  task->set_differs(true);
  const std::string advice =
      "something else has changed it, or made it anew: adopt it as it is, or give DM the "
      "recorded configuration again, or the one that is to be";
  task->set_advice(task->advice().empty() ? advice : task->advice() + "; " + advice);
  *task->add_next_actions() = ActionOf(v1::ACTION_ADOPT_TASK, *task);
  auto* update = task->add_next_actions();
  update->set_action(v1::ACTION_UPDATE_TASK);
  (*update->mutable_arguments())["cluster_name"] = task->cluster_name();
  auto rollback = ActionOf(v1::ACTION_ROLLBACK_TASK, *task);
  (*rollback.mutable_arguments())["revision"] = std::to_string(task->revision());
  *task->add_next_actions() = std::move(rollback);
}

}  // namespace dmgr::migrations
